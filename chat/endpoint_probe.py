"""Test of an endpoint, for those who set it up: its list of models, and one token of a reply."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from chat.endpoint import EndpointConfig
from chat.sentence import Sentence, counted, wording
from chat.upstream import ChatRequest, Client, UpstreamError

CONNECT_SECONDS = 6.0
LIST_SECONDS = 8.0
REPLY_SECONDS = 20.0
"""Both questions together stay below the 30 seconds after which routers of platforms give up. A
model that loads first may need more, once."""

DISCREET_SECONDS = 10.0
"""Time after which a failure at a private address is reported, without details."""

NO_CONNECTION = {
    "unreachable",
    "unknown_host",
    "forbidden_address",
    "tls_failed",
    "timeout_connect",
}
"""Codes of endpoints that do not answer, after which nothing more is tried."""

NEEDS_MORE = "output limit was reached"
"""Words of OpenAI's reasoning models about a limit of one token, though they work."""

HINTS = {
    "unreachable": wording("Is it running, and can this server reach that host and port?"),
    "forbidden_address": wording("docs/endpoints.md says which addresses are."),
    "unknown_host": wording("Is the host name spelled correctly?"),
    "tls_failed": wording("Is it https there, with a certificate that this server trusts?"),
    "not_found": wording("Does the address end where it should, mostly in /v1? Is the path right?"),
    "redirected": wording("Use the address it redirects to."),
    "bad_response": wording("Is this the address of an API, and not of a web page?"),
    "unknown_model": wording("Is the model's name written as the endpoint writes it?"),
    "timeout_first_token": wording("It may still be loading the model: try again in a minute."),
}


@dataclass(frozen=True)
class Finding:
    """Result of one step. `detail` is the endpoint's own text, for staff."""

    ok: bool
    text: str
    detail: str = ""


class NotListed(Exception):
    """There is no list of models; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


async def test(
    endpoint: EndpointConfig,
    model: str | None,
    *,
    discreet: bool = False,  # noqa: PT028  no test function
) -> list[Finding]:
    """Ask for the models and for one token, and report successes and faults in words.

    `model` is its name at the endpoint; without one the first of the endpoint's list is asked.
    A `discreet` test does not reveal open ports of a private network: anything that does not
    answer as this API is reported in the same words, after the same time.
    """
    if endpoint.problem:
        return [_unreadable(endpoint)]
    client = _client(endpoint)
    began = asyncio.get_running_loop().time()
    try:
        try:
            names = await _names(client)
            listed, known = (
                Finding(
                    True,
                    counted(
                        "Its list of models: {count} model.",
                        "Its list of models: {count} models.",
                        len(names),
                    ),
                ),
                True,
            )
        except UpstreamError as problem:
            names, known = [], problem.as_api
            listed = _failed(Sentence("Its list of models"), problem, client)
            if problem.code in NO_CONNECTION:
                return await _discreetly([listed], client, began, discreet=discreet)
        model = model or (names[0] if names else None)
        if model is None:
            findings = [
                listed,
                Finding(False, Sentence("There is no model to test. Add one by its name.")),
            ]
        else:
            hidden = discreet and client.met_private and not known
            seconds = began + DISCREET_SECONDS - asyncio.get_running_loop().time()
            reply, as_api = await _try_reply(client, model, seconds if hidden else REPLY_SECONDS)
            findings, known = [listed, reply], known or as_api
        return findings if known else await _discreetly(findings, client, began, discreet=discreet)
    finally:
        await client.close()


async def models(endpoint: EndpointConfig, *, discreet: bool = False) -> list[str]:
    """The endpoint's names of its models, at least one; as `discreet` as a test.

    Raises `NotListed`.
    """
    if endpoint.problem:
        raise NotListed(_unreadable(endpoint))
    client = _client(endpoint)
    began = asyncio.get_running_loop().time()
    try:
        names = await _names(client)
    except UpstreamError as problem:
        findings = [_failed(Sentence("Its list of models"), problem, client)]
        if not problem.as_api:
            findings = await _discreetly(findings, client, began, discreet=discreet)
        raise NotListed(findings[0]) from None
    finally:
        await client.close()
    if not names:
        raise NotListed(
            Finding(False, Sentence("Its list of models is empty. Add them by their names."))
        )
    return names


async def _discreetly(
    findings: list[Finding], client: Client, began: float, *, discreet: bool
) -> list[Finding]:
    """The findings; where they would reveal a private network, only that they are bad."""
    if not (discreet and client.met_private):
        return findings
    await asyncio.sleep(began + DISCREET_SECONDS - asyncio.get_running_loop().time())
    text = Sentence(
        "Nothing at its address answered like an OpenAI-compatible API. For private networks, "
        "only `manage.py endpoints test` on the server shows details."
    )
    return [Finding(False, text)]


def _unreadable(endpoint: EndpointConfig) -> Finding:
    return Finding(
        False, UpstreamError("unreadable_key", endpoint.label).sentence, endpoint.problem
    )


def _client(endpoint: EndpointConfig) -> Client:
    return Client(
        replace(
            endpoint,
            connect_timeout=min(endpoint.connect_timeout, CONNECT_SECONDS),
            first_token_timeout=min(endpoint.first_token_timeout, REPLY_SECONDS),
        )
    )


async def _names(client: Client) -> list[str]:
    try:
        async with asyncio.timeout(LIST_SECONDS):
            return await client.models()
    except TimeoutError:
        raise UpstreamError("timeout_first_token", client.endpoint.label) from None


def _list_of(names: list[str]) -> Sentence:
    return counted(
        "Its list of models: {count} model.", "Its list of models: {count} models.", len(names)
    )


async def _try_reply(client: Client, model: str, seconds: float) -> tuple[Finding, bool]:
    """The result of asking for one token, and True if an API of this kind answered."""
    request = ChatRequest(model, [{"role": "user", "content": "Hi"}], max_tokens=1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    answered = None
    try:
        async with asyncio.timeout(seconds), client.stream(request) as stream:
            async for _ in stream:
                break  # one token is enough, and closing the stream ends it there, too
            answered = stream.facts.model
    except TimeoutError:
        problem = UpstreamError("timeout_first_token", client.endpoint.label)
        return _failed(Sentence("A reply from {model}", model=model), problem, client), False
    except UpstreamError as problem:
        if NEEDS_MORE not in problem.detail:
            return _failed(
                Sentence("A reply from {model}", model=model), problem, client
            ), problem.as_api
    took = f"{loop.time() - began:.1f}"
    if answered in (None, model):
        said = Sentence("A reply from {model}: after {seconds} s.", model=model, seconds=took)
    else:
        said = Sentence(
            "A reply from {model}, answered by {other}: after {seconds} s.",
            model=model,
            other=answered,
            seconds=took,
        )
    return Finding(True, said), True


def _failed(step: Sentence, problem: UpstreamError, client: Client) -> Finding:
    """A finding with a sentence, and a hint if there is one."""
    hint = HINTS.get(problem.code, "")
    if problem.code == "refused_key" and not client.endpoint.api_key:
        hint = wording("It requires a key, but none is set.")
    elif problem.setting in ("max_tokens", "max_completion_tokens"):
        hint = wording("Choose the other name for the length limit.")
    facts = {"step": step, "problem": problem.sentence}
    if not hint:
        return Finding(False, Sentence("{step}: {problem}", **facts), problem.detail)
    said = Sentence("{step}: {problem} {hint}", **facts, hint=Sentence(hint))
    return Finding(False, said, problem.detail)
