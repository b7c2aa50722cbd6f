"""The request: what is sent and to whom, how often, and what is never told."""

import asyncio
import logging
import socket
import ssl
import threading
import traceback
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chat.endpoint import EndpointConfig
from chat.tests.counting import Counted
from chat.tests.upstream.conftest import KEY, PROMPT, Connect, ask, read
from chat.upstream import ChatRequest, Client
from fake_endpoint import FakeEndpoint, expected_text
from fake_endpoint.faults import SHORT

pytestmark = pytest.mark.asyncio


async def test_the_request_is_what_was_asked(upstream: FakeEndpoint, connect: Connect) -> None:
    await read(connect(), "words?n=1")
    (request,) = upstream.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "words?n=1",
        "messages": [{"role": "user", "content": PROMPT}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_nothing_is_taken_from_the_environment(
    upstream: FakeEndpoint, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await read(connect(), "words?n=1")).error is None
    assert (await read(connect(api_key=""), "words?n=1")).error is None
    first, second = upstream.requests
    assert "authorization" not in second.headers
    assert "from-the-environment" not in repr(first.headers) + repr(second.headers)


async def test_a_kept_text_is_sent_as_the_last_message_and_continued(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    text = expected_text("words?n=40")
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": text[:77]}]
    client = connect(prefix="plain")
    outcome = await read(client, ChatRequest("words?n=40", messages, prefix=True))
    assert outcome.text == text[77:]
    assert upstream.chats[0].body["messages"] == messages


async def test_a_continued_text_may_begin_like_a_thought(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    upstream.play("<think>is a tag</think>")
    messages = [{"role": "assistant", "content": "The word "}]
    outcome = await read(connect(prefix="plain"), ChatRequest("any", messages, prefix=True))
    assert (outcome.text, outcome.reasoning) == ("<think>is a tag</think>", "")


async def test_an_instruction_continues_the_kept_text(connect: Connect) -> None:
    text = expected_text("words?n=40")
    messages = [
        {"role": "assistant", "content": text[:77]},
        {"role": "user", "content": "Continue exactly where you stopped."},
    ]
    assert (await read(connect(), ChatRequest("words?n=40", messages))).text == text[77:]


async def test_the_fake_repeats_the_end_of_the_kept_text_on_demand(connect: Connect) -> None:
    model = "words?n=40&repeat=30"
    text = expected_text(model)
    ask_on = {"role": "user", "content": "Continue exactly where you stopped."}
    messages = [{"role": "assistant", "content": text[:77]}, ask_on]
    assert (await read(connect(), ChatRequest(model, messages))).text == text[47:]
    assert (await read(connect(), model)).text == text


async def test_asking_for_usage_is_given_up_once(upstream: FakeEndpoint, connect: Connect) -> None:
    client = connect()
    for _ in range(2):
        outcome = await read(client, "no-usage-option")
        assert (outcome.text, outcome.error) == (SHORT, None)
    assert ["stream_options" in r.body for r in upstream.chats] == [True, False, False]


async def test_replies_that_ask_at_the_same_time_all_give_up_asking_for_usage(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    client = connect()
    outcomes = await asyncio.gather(*(read(client, "no-usage-option") for _ in range(5)))
    assert [outcome.text for outcome in outcomes] == [SHORT] * 5


async def test_a_request_that_is_refused_without_the_option_too_ends(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    client = connect()
    words = quote("stream_options is odd, and so is model")
    error = (await read(client, f"status?code=400&message={words}")).error
    assert error is not None
    assert error.code == "bad_request"
    assert ["stream_options" in r.body for r in upstream.chats] == [True, False]
    # It did not help, so the next reply is counted again.
    assert (await read(client, "words?n=1")).usage is not None


async def test_a_redirect_is_not_followed(upstream: FakeEndpoint, connect: Connect) -> None:
    outcome = await read(connect(), "redirect")
    assert outcome.error is not None
    assert outcome.error.code == "redirected"
    assert [r.path for r in upstream.requests] == ["/v1/chat/completions"]


async def test_what_utf8_cannot_carry_is_cleaned(upstream: FakeEndpoint, connect: Connect) -> None:
    assert (await read(connect(), ask("words?n=1", "a\ud800b\0c"))).error is None
    assert upstream.chats[0].body["messages"][0]["content"] == "a\ufffdbc"


async def test_many_replies_at_a_time(upstream: FakeEndpoint, connect: Connect) -> None:
    client = connect()
    outcomes = await asyncio.gather(*(read(client, f"words?n=50&seed={i}") for i in range(50)))
    assert all(o.text == expected_text(f"words?n=50&seed={i}") for i, o in enumerate(outcomes))


async def test_a_closed_client_can_be_used_again(connect: Connect) -> None:
    client = connect()
    for _ in range(2):
        assert (await read(client, "words?n=1")).error is None
        await client.close()


async def test_nobody_listens(connect: Connect) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        outcome = await read(connect(base_url=f"http://127.0.0.1:{port}/v1"), "any")
    assert outcome.error is not None
    assert outcome.error.code == "unreachable"
    assert not outcome.error.permanent


async def test_nobody_accepts(connect: Connect) -> None:
    # A backlog of one, taken: the kernel leaves further connections unanswered.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        with socket.create_connection(address):
            url = f"http://127.0.0.1:{address[1]}/v1"
            outcome = await read(connect(base_url=url, connect_timeout=0.2), "any")
    assert outcome.error is not None
    assert outcome.error.code == "timeout_connect"


async def test_an_unknown_host(connect: Connect) -> None:
    client = connect(base_url="http://parley.invalid/v1", connect_timeout=3)
    error = (await read(client, "any")).error
    assert error is not None
    # Without any name server the resolver itself may take longer than the limit.
    assert error.code in ("unknown_host", "timeout_connect")


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1/", "", "http://", "http://[::"])
async def test_a_base_url_that_is_none(connect: Connect, url: str) -> None:
    error = (await read(connect(base_url=url), "any")).error
    assert error is not None
    assert error.code in ("unreachable", "unknown_host")


@pytest.mark.parametrize("key", ["line\nbreak", "schlüssel", "nul\0"])
async def test_a_key_that_no_header_can_carry(
    upstream: FakeEndpoint, connect: Connect, key: str
) -> None:
    error = (await read(connect(api_key=key), "any")).error
    assert error is not None
    assert error.code == "refused_key"
    assert upstream.requests == []


async def test_tls_to_a_server_without_it(upstream: FakeEndpoint, connect: Connect) -> None:
    error = (await read(connect(base_url=upstream.url.replace("http", "https")), "any")).error
    assert error is not None
    assert error.code == "tls_failed"


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, signed by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    signed = made.add_extension(names, False).sign(key, hashes.SHA256())
    path = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


async def test_tls_is_verified_and_paced_alike(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pem)
    async with FakeEndpoint("localhost", tls=tls) as secure:
        refused = await read(connect(base_url=secure.url), "words?n=50")
        assert refused.error is not None
        assert refused.error.code == "tls_failed"
        assert secure.requests == []

        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        steps = []
        async with connect(base_url=secure.url).stream(ask("words?n=50&rate=200")) as stream:
            async for batch in stream:
                steps.append(batch.text)
                await asyncio.sleep(0.05)
        assert "".join(steps) == expected_text("words?n=50")
        assert len(steps) < 15


@pytest.mark.parametrize(
    "model",
    [
        "words?n=3",
        "repeats-secrets",
        "repeats-secrets?how=stream",
        "repeats-secrets?how=page",
        "repeats-secrets?how=event",
        "repeats-secrets?how=setting",
        "no-such-model",
        "refuses?setting=temperature&how=fastapi",
        "status?code=401&html=1",
        "reset",
        "bad-json",
        "closes",
        "stall",
    ],
)
async def test_no_key_and_no_prompt_is_ever_told(
    upstream: FakeEndpoint, connect: Connect, caplog: pytest.LogCaptureFixture, model: str
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("openai", "httpx2", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    # The values of extra headers are secrets, too, and what the URL holds.
    url = f"{upstream.url}?token=canary-in-the-query"
    extra = (("X-Key", "canary-4711-in-a-header"), ("X-Auth", "Bearer canary2"))
    client = connect(first_token_timeout=0.3, headers=extra, base_url=url)
    outcome = await read(client, replace(ask(model), temperature=0.5))
    told = caplog.text + repr(client) + repr(client.endpoint) + repr(ask(model))
    if outcome.error is not None:
        error = outcome.error
        told += repr(error) + error.message + error.detail
        told += "".join(traceback.format_exception(error))
        assert error.__cause__ is None
        assert error.__context__ is None or error.__suppress_context__
        assert len(error.detail) <= 2000
    assert KEY not in told
    assert "canary" not in told
    assert "Kontor" not in told
    assert "<" not in (outcome.error.message + outcome.error.detail if outcome.error else "")


async def test_the_libraries_raise_what_is_expected() -> None:
    """The names that `client.py` tells apart still mean what they meant."""
    assert issubclass(aiohttp.ClientConnectorDNSError, aiohttp.ClientConnectorError)
    assert issubclass(aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)
    assert issubclass(aiohttp.ConnectionTimeoutError, aiohttp.ServerTimeoutError)


async def test_an_endpoint_and_a_request_show_neither_key_nor_prompt() -> None:
    endpoint = EndpointConfig("local", "local", "http://user:secret@host/v1?key=secret", "secret")
    assert "secret" not in repr(endpoint) + repr(Client(endpoint)) + repr(ask("m", "secret"))


async def test_a_refusal_of_a_long_prompt_is_searched_in_another_thread(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    prompt = Counted("The long and winding prompt. " * 10_000)
    outcome = await read(connect(), ask("no-such-scenario", prompt))
    assert outcome.error is not None
    assert outcome.error.status == 404
    here = prompt.read.pop(threading.current_thread().name, 0)
    assert here < 4 * len(prompt)  # the request is made of it
    assert 0 < prompt.total < 4 * len(prompt)
