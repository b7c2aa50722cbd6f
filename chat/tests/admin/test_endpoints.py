"""Endpoints in the admin: keys go in and never come out, and a test says what is wrong."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat import endpoint_probe
from chat.models import Endpoint, OfferedModel
from chat.tests.live.server import Upstream, fake_upstream

LIST = "/admin/chat/endpoint/"
KEY = "sk-canary-7f3a9c1e5b2d"
OTHER_KEY = "sk-canary-second-88aa"
VALUE = "canary-header-value"
DOTS = "••••••"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _encryption(settings: Settings) -> None:
    settings.ENCRYPTION_KEY = "the key of the tests"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_probe, "LIST_SECONDS", 0.4)
    monkeypatch.setattr(endpoint_probe, "DISCREET_SECONDS", 0.5)


@pytest.fixture(scope="module")
def fake() -> Iterator[Upstream]:
    """An endpoint, in a process of its own."""
    with fake_upstream() as fake:
        yield fake


@pytest.fixture
def staff(client: Client, root: User) -> Client:
    client.force_login(root)
    return client


@pytest.fixture
def make() -> Callable[..., Endpoint]:
    """Makes a stored endpoint with a key and a header."""

    def make(slug: str = "own", **fields: Any) -> Endpoint:
        row = Endpoint(slug=slug, label=slug.title(), **fields)
        row.change_secrets(base_url="https://api.example/v1", key=KEY, headers={"X-Title": VALUE})
        row.save()
        return row

    return make


def form(**changed: str) -> dict[str, str]:
    """The fields of the form of a new endpoint."""
    return {
        "slug": "own",
        "label": "Own",
        "base_url": "https://api.example/v1",
        "key": "",
        "enabled": "on",
        "headers": "",
        "prefix": "",
        "max_tokens_name": "max_tokens",
        "key_header": "authorization",
        "api_version": "",
        "path": "/chat/completions",
        "connect_timeout": "",
        "first_token_timeout": "",
        "idle_timeout": "",
        "position": "0",
        "_save": "Save",
    } | changed


def page(row: Endpoint) -> str:
    return f"{LIST}{row.pk}/change/"


def stored(row: Endpoint) -> tuple[str, dict[str, str]]:
    """The key and the headers that a request would carry."""
    found = Endpoint.objects.get(pk=row.pk).config()
    return found.api_key, dict(found.headers)


def errors(answer: Any) -> str:
    return " ".join(
        why for field in answer.context["adminform"].form.errors.values() for why in field
    )  # fmt: skip


def told(client: Client, path: str = LIST) -> list[str]:
    """The messages that the next page shows, with their levels."""
    return [f"{m.level_tag}: {m.message}" for m in client.get(path).context["messages"]]


def has_no_secret(text: str) -> bool:
    return not any(secret in text for secret in (KEY, OTHER_KEY, VALUE, "canary"))


# --- what is secret ----------------------------------------------------------------------------


def test_a_key_goes_in_and_is_never_shown(staff: Client) -> None:
    sent = form(key=KEY, headers=f"X-Title: {VALUE}\nHTTP-Referer: https://canary.example")
    answer = staff.post(f"{LIST}add/", sent)
    row = Endpoint.objects.get(slug="own")
    assert answer["Location"] == page(row)
    assert stored(row) == (KEY, {"X-Title": VALUE, "HTTP-Referer": "https://canary.example"})
    assert has_no_secret(row.sealed)
    for path in (LIST, page(row), f"{LIST}{row.pk}/history/", f"{LIST}{row.pk}/delete/", "/admin/"):
        text = staff.get(path).text
        assert has_no_secret(text), path
    shown = staff.get(page(row)).text
    assert 'autocomplete="new-password"' in shown
    assert f"X-Title: {DOTS}\nHTTP-Referer: {DOTS}" in shown
    assert "set on" in staff.get(LIST).text
    assert has_no_secret(" ".join(LogEntry.objects.values_list("change_message", flat=True)))


def test_what_is_left_alone_stays(staff: Client, make: Callable[..., Endpoint]) -> None:
    row = make()
    sent = form(label="Renamed", headers=f"x-title: {DOTS}")
    assert staff.post(page(row), sent).status_code == 302
    row.refresh_from_db()
    assert row.label == "Renamed"
    assert stored(row) == (KEY, {"X-Title": VALUE})


def test_a_key_is_replaced_and_removed(staff: Client, make: Callable[..., Endpoint]) -> None:
    row = make()
    staff.post(page(row), form(key=OTHER_KEY, headers=f"X-Title: {DOTS}"))
    assert stored(row) == (OTHER_KEY, {"X-Title": VALUE})
    assert "Changed Key" in str(LogEntry.objects.latest("pk"))
    staff.post(page(row), form(remove_key="on", headers=f"X-Title: {DOTS}"))
    assert stored(row) == ("", {"X-Title": VALUE})
    staff.post(page(row), form())
    assert stored(row) == ("", {})
    assert Endpoint.objects.get(pk=row.pk).sealed == ""
    row = make("third")
    assert "not both" in errors(staff.post(page(row), form(key=OTHER_KEY, remove_key="on")))


def test_another_address_drops_what_was_bound_to_the_first(
    staff: Client, make: Callable[..., Endpoint]
) -> None:
    row = make()
    assert "If you change the address" in staff.get(page(row)).text
    sent = form(base_url="https://evil.example/v1", headers=f"X-Title: {DOTS}")
    staff.post(page(row), sent)
    assert stored(row) == ("", {})
    assert Endpoint.objects.get(pk=row.pk).base_url == "https://evil.example/v1"
    assert any(
        text.startswith("warning: Removed, because it belonged to the earlier address: key")
        for text in told(staff)
    )
    assert "key (removed)" in str(LogEntry.objects.latest("pk"))


def test_another_address_takes_what_is_entered_anew(
    staff: Client, make: Callable[..., Endpoint]
) -> None:
    row = make()
    sent = form(base_url="https://new.example/v1", key=OTHER_KEY, headers=f"X-Title: {VALUE}2")
    staff.post(page(row), sent)
    assert stored(row) == (OTHER_KEY, {"X-Title": f"{VALUE}2"})
    assert not any("Removed, because" in text for text in told(staff))


def test_a_failed_form_never_returns_a_secret(staff: Client, make: Callable[..., Endpoint]) -> None:
    row = make()
    lines = f"X-Title: {DOTS}\nX-New: {VALUE}\n{KEY}"
    for path, sent in (
        (f"{LIST}add/", form(slug="New", key=KEY, headers=f"X-New: {VALUE}")),
        (page(row), form(label="", key=OTHER_KEY, headers=f"X-Title: {DOTS}\nX-New: {VALUE}")),
        (page(row), form(headers=lines)),
        (page(row), form(headers=f"X-Title: {VALUE}\u2028x")),
    ):
        answer = staff.post(path, sent)
        assert answer.status_code == 200
        assert has_no_secret(answer.text)
    answer = staff.post(page(row), form(label="", key=OTHER_KEY, headers=f"X-New: {VALUE}"))
    assert "X-New: </textarea>" in answer.text
    assert errors(answer).count("once more") == 2
    assert stored(row) == (KEY, {"X-Title": VALUE})


def test_without_encryption_key_nothing_secret_is_taken(staff: Client, settings: Settings) -> None:
    settings.ENCRYPTION_KEY = ""
    answer = staff.post(f"{LIST}add/", form(key=KEY, headers=f"X-Title: {VALUE}"))
    assert errors(answer).count("The server has no ENCRYPTION_KEY.") == 2
    assert has_no_secret(answer.text)
    assert not Endpoint.objects.exists()
    assert staff.post(f"{LIST}add/", form()).status_code == 302


def test_an_unreadable_key_is_said_for_that_endpoint_only(
    staff: Client, make: Callable[..., Endpoint], settings: Settings
) -> None:
    lost = make("lost")
    settings.ENCRYPTION_KEY = "another one"
    fine = make("fine")
    text = staff.get(LIST).text
    assert text.count("encrypted with another ENCRYPTION_KEY") == 1
    assert text.count("set on") == 1
    assert "cannot be read" in staff.get(page(lost)).text
    assert "cannot be read" not in staff.get(page(fine)).text
    # What nobody touches stays, for when the key returns.
    staff.post(page(lost), form(label="Still lost", headers=f"X-Title: {DOTS}"))
    settings.ENCRYPTION_KEY = "another one, the key of the tests"
    assert stored(lost) == (KEY, {"X-Title": VALUE})
    settings.ENCRYPTION_KEY = "another one"
    staff.post(page(lost), form(key=OTHER_KEY, headers=f"X-Title: {DOTS}"))
    assert stored(lost) == (OTHER_KEY, {})
    assert any("could not be read: value of X-Title" in text for text in told(staff))


# --- what else the form takes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ("Host: a", "Host cannot be set"),
        ("content-length: 1", "cannot be set"),
        ("Transfer-Encoding: chunked", "cannot be set"),
        ("Accept: a", "cannot be set"),
        ("accept-encoding: gzip", "cannot be set"),
        ("Connection: close", "cannot be set"),
        ("Content-Type: a", "cannot be set"),
        ("X Title: a", "letters, digits and hyphens"),
        (": a", "letters, digits and hyphens"),
        ("no colon", "Header 1 has no colon"),
        ("X-Title: ä", "ASCII"),
        ("X-Title: a\x00b", ""),
        ("X-Title:", "has no value"),
        (f"X-Title: {DOTS}", "has no value"),
        ("X-Title: a\nx-title: b", "Header 2 names x-title again"),
        ("\n".join(f"X-{n}: a" for n in range(21)), "At most 20"),
        (f"X-Title: {'a' * 4097}", "at most 4096"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused(staff: Client, headers: str, why: str) -> None:
    assert why in errors(staff.post(f"{LIST}add/", form(headers=headers)))
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "Upper"),
        ("slug", "-a"),
        ("slug", "a/b"),
        ("slug", "openai"),
        ("base_url", "ftp://a"),
        ("base_url", "https://user:pass@a/v1"),
        ("base_url", "https://a/v1?key=x"),
        ("base_url", "https://a b/v1"),
        ("base_url", "https://a\n.example/v1"),
        ("key", "kéy"),
        ("path", "chat"),
        ("path", "/a?b=c"),
        ("path", "/a/../b"),
        ("base_url", "https://a/v1/%2e%2e/admin"),
        ("idle_timeout", "0"),
        ("idle_timeout", "nan"),
        ("idle_timeout", "inf"),
        ("prefix", "magic"),
        ("position", "-1"),
    ],
)
def test_wrong_values_are_refused(
    staff: Client, settings: Settings, field: str, value: str
) -> None:
    settings.OPENAI_API_KEY = "sk-of-the-environment"
    answer = staff.post(f"{LIST}add/", form(**{field: value}))
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    ("entered", "kept", "limit"),
    [
        ("https://api.example/v1/", "https://api.example/v1", "max_tokens"),
        ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1",
         "max_completion_tokens"),
        ("https://me.openai.azure.com", "https://me.openai.azure.com", "max_completion_tokens"),
    ],
)  # fmt: skip
def test_an_address_is_tidied_and_tells_the_name_of_the_limit(
    staff: Client, entered: str, kept: str, limit: str
) -> None:
    staff.post(f"{LIST}add/", form(base_url=entered))
    row = Endpoint.objects.get()
    assert (row.base_url, row.max_tokens_name) == (kept, limit)
    staff.post(page(row), form(base_url=entered, max_tokens_name="max_tokens"))
    row.refresh_from_db()
    assert row.max_tokens_name == "max_tokens"


def test_the_name_stays(staff: Client, make: Callable[..., Endpoint]) -> None:
    row = make()
    staff.post(page(row), form(slug="other", headers=f"X-Title: {DOTS}"))
    row.refresh_from_db()
    assert row.slug == "own"
    assert "with this Name already exists" in errors(staff.post(f"{LIST}add/", form()))


# --- the list ----------------------------------------------------------------------------------


def test_the_environment_is_shown_and_not_its_secrets(
    staff: Client, make: Callable[..., Endpoint], settings: Settings
) -> None:
    make("gateway")
    settings.OPENAI_API_KEY = KEY
    settings.ENDPOINTS = {
        "gateway": {
            "base_url": "http://gateway:1/v1",
            "models": ["one", "two"],
            "headers": (("X-Team", VALUE),),
            "prefix": "vllm",
            "idle_timeout": 7.0,
        }
    }
    text = staff.get(LIST).text
    for shown in ("api.openai.com", "gpt-5-mini", "gateway:1/v1", "<bdi>one</bdi>, <bdi>two",
                  "headers: X-Team", "continuing a text: vllm", "idle time-out: 7 s"):  # fmt: skip
        assert shown in text
    assert has_no_secret(text)
    assert text.count("Not used: the environment sets an endpoint with this name.") == 1


def test_order_and_switch_are_changed_in_the_list_and_the_key_stays(
    staff: Client, make: Callable[..., Endpoint]
) -> None:
    row = make()
    sent = {
        "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(row.pk),
        "form-0-position": "7", "_save": "Save",
    }  # fmt: skip
    assert staff.post(LIST, sent).status_code == 302
    row.refresh_from_db()
    assert (row.position, row.enabled) == (7, False)
    assert stored(row) == (KEY, {"X-Title": VALUE})


def test_the_list_takes_few_queries(
    staff: Client,
    make: Callable[..., Endpoint],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(20):
        OfferedModel.objects.create(endpoint=make(f"own{number}"), name="m")
    with django_assert_max_num_queries(8):
        assert staff.get(LIST).text.count("1 of 1") == 20


# --- who ---------------------------------------------------------------------------------------


def test_permissions_are_djangos(
    client: Client,
    carol: User,
    make: Callable[..., Endpoint],
    fake: Upstream,
) -> None:
    row = make()
    client.force_login(carol)
    buttons = [f"{LIST}{row.pk}/test/", f"{LIST}{row.pk}/fetch/", f"{LIST}environment/x/test/"]
    paths = [LIST, page(row), *buttons]
    assert {client.get(path).status_code for path in paths} == {403}
    assert {client.post(path, form()).status_code for path in paths} == {403}
    carol.user_permissions.add(Permission.objects.get(codename="view_endpoint"))
    text = client.get(page(row)).text
    assert has_no_secret(text)
    assert "Fetch models" not in text
    assert {client.post(path).status_code for path in [page(row), *buttons]} == {403}
    assert stored(row) == (KEY, {"X-Title": VALUE})


def test_buttons_take_post_with_a_token_only(
    root: User,
    make: Callable[..., Endpoint],
    fake: Upstream,
) -> None:
    row = make()
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(root)
    for button in ("test", "fetch"):
        assert checked.get(f"{LIST}{row.pk}/{button}/").status_code == 405
        assert checked.post(f"{LIST}{row.pk}/{button}/").status_code == 403
        assert checked.get(f"{LIST}999999/{button}/").status_code == 404
    assert not LogEntry.objects.exists()


# --- the buttons -------------------------------------------------------------------------------


def lists(fake: Upstream, at: str, **wish: Any) -> str:
    """Let the fake endpoint list these models below a path; returns the address."""
    fake._ask({"models": {"at": f"/{at}/v1/models", **wish}})
    return fake.url.replace("/v1", f"/{at}/v1")


def asked(fake: Upstream, at: str) -> list[dict[str, Any]]:
    """The requests for completions below a path."""
    requests: list[dict[str, Any]] = fake._ask(None)["requests"]
    return [one for one in requests if one["path"].startswith(f"/{at}/")]


def add(staff: Client, address: str, **changed: str) -> Endpoint:
    staff.post(f"{LIST}add/", form(base_url=address, **changed))
    told(staff)  # what the adding said
    return Endpoint.objects.get()


def test_a_test_asks_for_the_list_and_for_one_token_of_the_first_model_on(
    staff: Client,
    fake: Upstream,
) -> None:
    address = lists(fake, "admin-test", ids=["a", "b"])
    row = add(staff, address, key=KEY)
    OfferedModel.objects.create(endpoint=row, name="off", enabled=False)
    OfferedModel.objects.create(endpoint=row, name="words?n=40")
    assert staff.post(f"{LIST}{row.pk}/test/")["Location"] == page(row)
    first, second = told(staff)
    assert first == "success: “Own”: Its list of models: 2 models."
    assert second.startswith("success: “Own”: A reply from words?n=40")
    (request,) = asked(fake, "admin-test")
    assert (request["body"]["model"], request["body"]["max_tokens"]) == ("words?n=40", 1)
    assert request["headers"]["authorization"] == f"Bearer {KEY}"
    assert "Tested: it works." in str(LogEntry.objects.latest("pk"))


def test_a_test_says_what_is_wrong(staff: Client, fake: Upstream) -> None:
    address = lists(fake, "admin-wrong", ids=["status?code=401"])
    row = add(staff, address)
    staff.post(f"{LIST}{row.pk}/test/")
    listed, reply = told(staff)
    assert listed.startswith("success:")
    assert "refused the API key. It requires a key, but none is set. Details: HTTP 401" in reply
    assert reply.startswith("error: “Own”: A reply from status?code=401: ")
    assert "Tested: it does not work." in str(LogEntry.objects.latest("pk"))


OPEN_PORTS = {
    "a page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p>x",
    "a log-in": b"HTTP/1.1 401 No\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nno!",
    "other JSON": b"HTTP/1.1 404 No\r\nContent-Type: application/json\r\n"
    b'Content-Length: 17\r\n\r\n{"kind":"Status"}',
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n",
    "silence": b"",
}


class Answering(socketserver.BaseRequestHandler):
    """Answers whatever is asked with the server's one answer."""

    def handle(self) -> None:
        self.request.settimeout(5)
        self.request.recv(65536)
        if answer := self.server.answer:  # type: ignore[attr-defined]
            self.request.sendall(answer)
        else:
            self.request.recv(1)


def test_a_test_tells_no_open_port_of_a_private_network_from_a_closed_one(staff: Client) -> None:
    messages = {}
    for what, answer in {"closed": None, **OPEN_PORTS}.items():
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as server:
            server.answer = answer  # type: ignore[attr-defined]
            port = server.server_address[1]
            serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            if answer is None:
                server.server_close()
            else:
                serving.start()
            row = add(staff, f"http://127.0.0.1:{port}/v1")
            OfferedModel.objects.create(endpoint=row, name="any", label="Any")
            for button in ("test", "fetch"):
                staff.post(f"{LIST}{row.pk}/{button}/")
                messages[what, button] = told(staff)
            row.delete()
            if serving.is_alive():
                server.shutdown()
    assert len(messages) == 2 * (1 + len(OPEN_PORTS))
    only = messages["closed", "test"]
    assert only[0].startswith("error: “Own”: Nothing at its address answered like an")
    assert {what: one for what, one in messages.items() if one != only} == {}


def test_an_unreadable_key_is_not_sent_anywhere(
    staff: Client,
    settings: Settings,
    fake: Upstream,
) -> None:
    row = add(staff, lists(fake, "admin-lost", ids=["a"]), key=KEY)
    settings.ENCRYPTION_KEY = "another one"
    for button in ("test", "fetch"):
        staff.post(f"{LIST}{row.pk}/{button}/")
        (only,) = told(staff)
        assert only.startswith("error: “Own”: The key for the model server Own cannot be read.")
        assert "another ENCRYPTION_KEY" in only
    assert asked(fake, "admin-lost") == []


def test_an_endpoint_of_the_environment_is_tested(
    staff: Client,
    settings: Settings,
    fake: Upstream,
) -> None:
    settings.OPENAI_BASE_URL = lists(fake, "admin-env", ids=["a"])
    settings.OPENAI_API_KEY = KEY
    settings.CHAT_MODEL = ["words?n=3"]
    assert staff.get(LIST).text.count("environment/openai/test/") == 1
    assert staff.post(f"{LIST}environment/openai/test/")["Location"] == LIST
    assert [text.partition(":")[0] for text in told(staff)] == ["success", "success"]
    assert len(asked(fake, "admin-env")) == 1
    assert staff.post(f"{LIST}environment/unknown/test/").status_code == 404
    entry = LogEntry.objects.latest("pk")
    assert (entry.object_repr, entry.get_change_message()) == (
        "“127.0.0.1” (from the environment)", "Tested: it works.",
    )  # fmt: skip
    assert staff.get("/admin/").status_code == 200  # which lists what was done lately


def test_fetching_adds_the_new_models_and_leaves_the_others(
    staff: Client,
    fake: Upstream,
) -> None:
    row = add(staff, lists(fake, "admin-fetch", ids=["a", "b", "text-embedding-3"]))
    kept = OfferedModel.objects.create(endpoint=row, name="a", label="Mine", enabled=False)
    answer = staff.post(f"{LIST}{row.pk}/fetch/")
    assert answer["Location"] == f"/admin/chat/offeredmodel/?endpoint__id__exact={row.pk}"
    (only,) = told(staff, answer["Location"])
    assert only.startswith(
        "success: “Own”: 2 added, 1 already known. 1 of the new models are offered."
    )
    kept.refresh_from_db()
    assert (kept.label, kept.enabled) == ("Mine", False)
    on = OfferedModel.objects.filter(enabled=True).values_list("name", flat=True)
    assert list(on) == ["b"]
    staff.post(f"{LIST}{row.pk}/fetch/")
    assert told(staff) == ["success: “Own”: 0 added, 3 already known."]


def test_many_models_come_switched_off(staff: Client, fake: Upstream) -> None:
    names = [f"m{n}" for n in range(300)]
    row = add(staff, lists(fake, "admin-many", ids=names))
    staff.post(f"{LIST}{row.pk}/fetch/")
    assert "300 added, 0 already known. 0 of the new models are offered." in told(staff)[0]
    assert row.models.count() == 300
    assert not row.models.filter(enabled=True).exists()


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"ids": []}, "Its list of models is empty."),
        ({"ids": [], "status": 404}, "Nothing at its address answered like an"),
    ],
)
def test_without_a_list_it_says_so(
    staff: Client,
    fake: Upstream,
    wish: dict[str, Any],
    why: str,
) -> None:
    row = add(staff, lists(fake, "admin-none", **wish))
    assert staff.post(f"{LIST}{row.pk}/fetch/")["Location"] == page(row)
    (only,) = told(staff)
    assert only.startswith("error: ")
    assert why in only
    assert not row.models.exists()


def test_deleting_an_endpoint_takes_its_models_along(
    staff: Client, make: Callable[..., Endpoint]
) -> None:
    row = make()
    OfferedModel.objects.create(endpoint=row, name="m")
    assert staff.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not OfferedModel.objects.exists()
    assert has_no_secret(json.dumps(list(LogEntry.objects.values()), default=str))


def test_headers_alone_that_cannot_be_read_are_said(staff: Client) -> None:
    Endpoint.objects.create(
        slug="own", label="Own", base_url="http://a/v1", sealed="broken", header_names=["X-A"]
    )
    assert "The headers cannot be read" in staff.get(LIST).text
    Endpoint.objects.update(key_set_at=timezone.now())
    assert "The headers cannot be read" not in staff.get(LIST).text
