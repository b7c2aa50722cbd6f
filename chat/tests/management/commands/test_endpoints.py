"""`manage.py endpoints`: set up from the shell, without a key in sight."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from chat.models import Endpoint, OfferedModel
from chat.tests.live.server import Upstream, fake_upstream

KEY = "sk-canary-7f3a9c1e5b2d"
VALUE = "canary-header-value"

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def fake() -> Iterator[Upstream]:
    """An endpoint, in a process of its own."""
    with fake_upstream() as fake:
        yield fake


@pytest.fixture(autouse=True)
def _encryption(settings: Settings) -> None:
    settings.ENCRYPTION_KEY = "the key of the tests"


@pytest.fixture(autouse=True)
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The standard input: empty, unless a test writes to it."""
    piped = io.StringIO()
    monkeypatch.setattr("sys.stdin", piped)
    return piped


def run(*arguments: str) -> str:
    """The output of the command, which has no secret."""
    out = io.StringIO()
    try:
        call_command("endpoints", *arguments, stdout=out, stderr=out, no_color=True)
    finally:
        assert "canary" not in out.getvalue()
    return out.getvalue()


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as problem:
        run(*arguments)
    assert "canary" not in str(problem.value)
    return str(problem.value)


def lists(fake: Upstream, at: str, **wish: Any) -> str:
    """Let the fake endpoint list these models below a path; returns the address."""
    fake._ask({"models": {"at": f"/{at}/v1/models", **wish}})
    return fake.url.replace("/v1", f"/{at}/v1")


# --- add ---------------------------------------------------------------------------------------


def test_add_takes_a_piped_key(stdin: io.StringIO) -> None:
    stdin.write(f"{KEY}\n")
    stdin.seek(0)
    run("add", "own", "https://api.example/v1/chat/completions", "--models", "a, b,,c/d")
    settings = Endpoint.objects.get().config()
    assert (settings.base_url, settings.api_key) == ("https://api.example/v1", KEY)
    assert set(OfferedModel.objects.values_list("name", flat=True)) == {"a", "b", "c/d"}


def test_add_takes_key_and_headers_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEY", KEY)
    monkeypatch.setenv("OWN_TITLE", VALUE)
    run(
        "add", "azure", "https://me.openai.azure.com", "--label", "Our Azure",
        "--key-env", "OWN_KEY", "--header", "X-Title=OWN_TITLE", "--key-header", "api-key",
        "--api-version", "2024-10-21", "--path", "/openai/deployments/{model}/chat/completions",
        "--prefix", "flag",
    )  # fmt: skip
    row = Endpoint.objects.get()
    settings = row.config()
    assert (settings.api_key, dict(settings.headers)) == (KEY, {"X-Title": VALUE})
    assert (row.label, row.key_header, row.api_version) == ("Our Azure", "api-key", "2024-10-21")
    assert (row.prefix, row.max_tokens_name) == ("flag", "max_completion_tokens")
    run("list")


def test_add_asks_for_the_key_at_a_terminal(
    stdin: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr("chat.management.commands.endpoints.getpass", lambda prompt: KEY)
    run("add", "own", "https://api.example/v1")
    assert Endpoint.objects.get().config().api_key == KEY


def test_a_key_is_no_argument() -> None:
    assert "unrecognized arguments" in refused("add", "own", "http://a/v1", "--key", "x")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["Own", "http://a/v1"], "name: Small letters"),
        (["own", "ftp://a"], "address: http:// or https://"),
        (["own", "http://user:canary@a/v1"], "address: http:// or https://"),
        (["openai", "http://a/v1"], "The environment has an endpoint of the name openai."),
        (["own", "http://a/v1", "--path", "x"], "path: A path"),
        (["own", "http://a/v1", "--key-env", "UNSET"], "The variable UNSET is not set."),
        (["own", "http://a/v1", "--key-env", "BAD"], "The key: Letters"),
        (["own", "http://a/v1", "--header", "X-Title"], "NAME=VARIABLE"),
        (["own", "http://a/v1", "--header", "X-Title=UNSET"], "The variable UNSET is not set."),
        (["own", "http://a/v1", "--header", "Host=GOOD"], "Host cannot be set"),
        (
            ["own", "http://a/v1", "--header", "X-Title=BAD"],
            "The value of X-Title: letters",
        ),
        (["own", "http://a/v1", "--models", "a" * 151], "name: Ensure this value has at most"),
        (["own", "http://a/v1", "--models", "a,a"], "already exists"),
    ],
)
def test_add_says_what_is_wrong_and_adds_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, arguments: list[str], why: str
) -> None:
    settings.OPENAI_API_KEY = KEY
    monkeypatch.setenv("BAD", f"{KEY} ä")
    monkeypatch.setenv("GOOD", VALUE)
    assert why in refused("add", *arguments)
    assert not Endpoint.objects.exists()


def test_add_needs_an_encryption_key_for_a_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENCRYPTION_KEY = ""
    monkeypatch.setenv("OWN_KEY", KEY)
    assert "has no ENCRYPTION_KEY" in refused("add", "own", "http://a/v1", "--key-env", "OWN_KEY")
    assert not Endpoint.objects.exists()
    run("add", "own", "http://a/v1")


def test_a_name_is_given_once() -> None:
    run("add", "own", "http://a/v1")
    assert "already exists" in refused("add", "own", "http://b/v1")


# --- fetch, test, list, remove -----------------------------------------------------------------


def test_add_fetches_the_models(fake: Upstream) -> None:
    address = lists(fake, "command-fetch", ids=["a", "whisper-1"])
    assert "2 models added, 1 of them offered" in run("add", "own", address, "--fetch")
    assert "0 models added, 0 of them offered; 2 already known." in run("fetch", "own")


def test_fetch_says_why_there_is_no_list(settings: Settings) -> None:
    run("add", "own", "http://127.0.0.1:9/v1")
    assert "cannot be reached" in refused("fetch", "own")
    assert "There is no endpoint x." in refused("fetch", "x")
    settings.OPENAI_API_KEY = KEY
    assert "openai is set by the environment" in refused("fetch", "openai")


def test_test_fails_where_one_fails(fake: Upstream) -> None:
    run("add", "good", lists(fake, "command-good", ids=["a"]), "--models", "words?n=3")
    run("add", "bad", "http://127.0.0.1:9/v1")
    assert run("test", "good").count("good: ") == 2
    assert refused("test") == "Not everything works at bad."
    Endpoint.objects.filter(slug="bad").update(enabled=False)
    run("test")
    assert refused("test", "good", "bad") == "Not everything works at bad."
    assert "There is no endpoint x." in refused("test", "x")


def test_test_asks_those_of_the_environment(fake: Upstream, settings: Settings) -> None:
    settings.OPENAI_BASE_URL = lists(fake, "command-env", ids=["a"])
    settings.OPENAI_API_KEY = KEY
    settings.CHAT_MODEL = ["status?code=401"]
    assert refused("test", "openai") == "Not everything works at openai."


def test_list_tells_all_but_secrets(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("list") == "There are none.\n"
    monkeypatch.setenv("OWN_KEY", KEY)
    monkeypatch.setenv("OWN_TITLE", VALUE)
    run("add", "own", "http://a/v1", "--key-env", "OWN_KEY", "--header", "X-Title=OWN_TITLE",
        "--models", "m")  # fmt: skip
    run("add", "openai", "http://b/v1")
    Endpoint.objects.filter(slug="openai").update(enabled=False)
    settings.OPENAI_API_KEY = KEY
    text = run("list")
    for line in ("openai (from the environment): OpenAI", "  key: set\n", "own (on): own",
                 "  address: http://a/v1", "  key: set on ", "  headers: X-Title", "  models: m",
                 "openai (not used: the environment has one of this name): openai",
                 "  models: none is offered"):  # fmt: skip
        assert line in text
    settings.ENCRYPTION_KEY = "another one"
    assert "key: cannot be read: It was encrypted with another ENCRYPTION_KEY" in run("list")


def test_remove_takes_the_models_along() -> None:
    run("add", "own", "http://a/v1", "--models", "a,b")
    assert run("remove", "own") == "Removed own and its 2 models.\n"
    assert not OfferedModel.objects.exists()
    assert "There is no endpoint own." in refused("remove", "own")
