"""The language of pages, problems, frames and e-mails: chosen, else asked for, and never leaked."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from allauth.core import context
from asgiref.sync import sync_to_async
from babel.messages.catalog import Catalog
from django.conf import settings as project
from django.contrib.auth.models import User
from django.core import mail
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.utils import translation
from pytest_django import DjangoAssertNumQueries, Settings

from chat import languages, protocol, sessions
from chat.account_adapter import AccountAdapter
from chat.consumers import ChatConsumer
from chat.flow_control import Allowance
from chat.languages import in_language_of_browser, said, said_in, translated
from chat.management.commands.messages import compiled
from chat.models import Preferences, Token
from chat.protocol.sentences import NOTHING_HERE
from chat.sentence import Sentence, counted
from chat.sessions import Login
from chat.socket_writer import SocketWriter
from chat.websocket_auth import language_of

LOGIN = "/accounts/login/"
PREFERENCES = "/accounts/preferences/"
HEADS = {"en": "Log in", "de": "Anmelden", "hu": "Belépés", "zh-hans": "登录"}
WORDS: dict[str, dict[Any, Any]] = {
    "de": {
        str(NOTHING_HERE): "Das gibt es nicht.",
        "At most {count} characters.": "Höchstens {count} Zeichen.",
        "{step}: {problem}": "{step} – {problem}",
        "Log in first.": "Erst anmelden.",
        "Not Found": "Nicht gefunden",
        ("{count} model", "{count} models"): ("ein Modell", "{count} Modelle"),
    }
} | {code: {} for code in ("hu", "zh-hans")}


@pytest.fixture(autouse=True)
def _words(settings: Settings, tmp_path: Path) -> None:
    """Catalogues with a few sentences, so that these tests depend on no translator."""
    for code, words in WORDS.items():
        catalog = Catalog(locale=translation.to_locale(code))
        for text, word in {"Log in": HEADS[code], **words}.items():
            catalog.add(text, word)
        folder = tmp_path / translation.to_locale(code) / "LC_MESSAGES"
        folder.mkdir(parents=True)
        (folder / "django.mo").write_bytes(compiled(catalog))
    settings.LOCALE_PATHS = [str(tmp_path), *settings.LOCALE_PATHS]


# --- sentences ----------------------------------------------------------------------------


def test_sentences_are_said_in_the_active_language() -> None:
    said = Sentence("At most {count} characters.", count=5)
    assert said_in("de", said) == "Höchstens 5 Zeichen."
    assert said_in("", said) == said_in("en", said) == "At most 5 characters."


def test_sentences_within_a_sentence_are_translated_and_other_values_are_not() -> None:
    inner = Sentence("At most {count} characters.", count=5)
    outer = Sentence("{step}: {problem}", step="Log in", problem=inner)
    assert said_in("de", outer) == "Log in – Höchstens 5 Zeichen."


def test_counts_have_the_forms_of_the_language() -> None:
    assert said_in("de", counted("{count} model", "{count} models", 1)) == "ein Modell"
    assert said_in("de", counted("{count} model", "{count} models", 3)) == "3 Modelle"


def test_stored_english_is_translated_where_a_catalogue_has_it() -> None:
    assert said_in("de", str(NOTHING_HERE)) == "Das gibt es nicht."
    assert said_in("de", "Of nobody's wording.") == "Of nobody's wording."
    assert said_in("de", "") == ""  # a catalogue has its header there


# --- pages --------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("code", HEADS)
def test_pages_are_in_the_language_that_the_browser_asks_for(client: Client, code: str) -> None:
    User.objects.create(username="alice")
    answer = client.get(LOGIN, headers={"Accept-Language": f"{code},en;q=0.5"})

    assert f"<h1>{HEADS[code]}</h1>" in answer.text
    assert f'<html lang="{code}" dir="ltr">' in answer.text
    assert answer["Content-Language"] == code
    assert {"Accept-Language", "Cookie"} <= set(answer["Vary"].split(", "))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "code"),
    [("", "en"), ("fr", "en"), ("zh-CN", "zh-hans"), ("de-AT", "de"), ("fr;q=0.9, hu;q=0.8", "hu")],
)
def test_the_nearest_language_is_taken(client: Client, asked: str, code: str) -> None:
    assert client.get(LOGIN, headers={"Accept-Language": asked})["Content-Language"] == code


def test_choice_of_a_user_wins_over_browser_and_cookie(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.cookies[project.LANGUAGE_COOKIE_NAME] = "hu"
    answer = client.post(
        PREFERENCES, {"language": "de"}, headers={"Accept-Language": "zh-hans"}, follow=True
    )

    assert answer["Content-Language"] == "de"
    assert client.cookies[project.LANGUAGE_COOKIE_NAME].value == "de"
    assert '<option value="de" selected>Deutsch</option>' in answer.text
    other = Client()
    other.force_login(User.objects.get(pk=alice.pk))
    page = other.get("/", headers={"Accept-Language": "hu"})
    assert page["Content-Language"] == "de"  # on her other device


def test_choice_can_be_given_back_to_the_browser(client: Client, alice: User) -> None:
    Preferences.objects.choose_language(alice.pk, "de")
    client.force_login(alice)
    answer = client.post(
        PREFERENCES, {"language": ""}, headers={"Accept-Language": "hu"}, follow=True
    )

    assert answer["Content-Language"] == "hu"
    assert not client.cookies[project.LANGUAGE_COOKIE_NAME].value


def test_a_language_that_is_none_is_refused(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.post(PREFERENCES, {"language": "xx"}).status_code == 200
    assert not Preferences.objects.exists()


def test_a_language_that_is_offered_no_longer_counts_as_none(alice: User) -> None:
    Preferences.objects.choose_language(alice.pk, "xx")
    assert languages.chosen_by(User.objects.get(pk=alice.pk)) == ""


def test_a_page_costs_no_statement_more_for_the_choice(
    client: Client, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Preferences.objects.choose_language(alice.pk, "de")
    client.force_login(alice)
    with django_assert_num_queries(2):  # the session, and the user with preferences
        assert client.get(PREFERENCES)["Content-Language"] == "de"


def test_admin_is_in_the_language_of_the_user(client: Client, root: User) -> None:
    Preferences.objects.choose_language(root.pk, "hu")
    client.force_login(root)
    page = client.get("/admin/auth/user/")
    assert '<html lang="hu"' in page.text


# --- problems -----------------------------------------------------------------------------

UNKNOWN = "/api/v1/conversations/7d5e3c1e-6f5b-4a58-9a3e-3f8a5f0d9c11"


@pytest.mark.django_db
def test_problems_are_in_the_language_that_is_asked_for(client: Client) -> None:
    answer = client.get(UNKNOWN, headers={"Accept-Language": "de"})
    assert answer.json()["detail"] == "Erst anmelden."
    assert answer.json()["code"] == "not_logged_in"
    assert answer["Content-Language"] == "de"


def test_problems_for_a_session_are_in_the_language_of_the_user(
    client: Client, alice: User
) -> None:
    Preferences.objects.choose_language(alice.pk, "de")
    client.force_login(alice)
    body = client.get(UNKNOWN, headers={"Accept-Language": "hu"}).json()
    assert (body["title"], body["detail"]) == ("Nicht gefunden", "Das gibt es nicht.")


@pytest.mark.parametrize(
    ("choice", "asked", "detail"),
    [
        ("", "", str(NOTHING_HERE)),
        ("de", "", "Das gibt es nicht."),
        ("de", "en", str(NOTHING_HERE)),
        ("", "de", "Das gibt es nicht."),
        ("de", "fr", "Das gibt es nicht."),
    ],
)
def test_programs_are_asked_first_then_the_owner_of_the_token(
    client: Client, alice: User, choice: str, asked: str, detail: str
) -> None:
    _, secret = Token.objects.make(alice, "test", ["read"], None)
    if choice:
        Preferences.objects.choose_language(alice.pk, choice)
    headers = {"Authorization": f"Bearer {secret}"} | ({"Accept-Language": asked} if asked else {})
    assert client.get(UNKNOWN, headers=headers).json()["detail"] == detail


# --- frames -------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("language", "said"), [("de", "Das gibt es nicht."), ("en", str(NOTHING_HERE))]
)
async def test_errors_are_in_the_language_of_the_socket(language: str, said: str) -> None:
    sent: list[dict[str, Any]] = []
    arrived = asyncio.Event()

    async def send(event: dict[str, Any]) -> None:
        sent.append(json.loads(event["text"]))
        arrived.set()

    consumer = ChatConsumer()
    login = Login(7, "alice", "session", "hash", language=language)
    consumer._writer = writer = SocketWriter(login, send)
    consumer._bad_frames = Allowance(10)
    writing = asyncio.create_task(writer.write())
    try:
        await consumer._refuse(protocol.BadFrame("not_found", NOTHING_HERE))
        await asyncio.wait_for(arrived.wait(), 5)
    finally:
        writing.cancel()
    assert [frame["message"] for frame in sent] == [said]
    assert translation.get_language() == "en"


def test_sockets_speak_the_language_of_their_browser() -> None:
    name = project.LANGUAGE_COOKIE_NAME.encode()
    assert language_of({"headers": [(b"accept-language", b"hu, en;q=0.1")]}) == "hu"
    assert (
        language_of({"headers": [(b"cookie", name + b"=de"), (b"accept-language", b"hu")]}) == "de"
    )
    assert language_of({"headers": []}) == "en"


def test_login_of_a_session_knows_the_choice(client: Client, alice: User) -> None:
    client.force_login(alice)
    key = client.cookies[project.SESSION_COOKIE_NAME].value
    found = sessions.log_in(key)
    assert found is not None
    assert found.language == ""
    Preferences.objects.choose_language(alice.pk, "de")
    found = sessions.log_in(key)
    assert found is not None
    assert found.language == "de"


def test_login_costs_no_statement_more_for_the_choice(
    client: Client, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Preferences.objects.choose_language(alice.pk, "de")
    client.force_login(alice)
    with django_assert_num_queries(2):
        sessions.log_in(client.cookies[project.SESSION_COOKIE_NAME].value)


# --- e-mails ------------------------------------------------------------------------------


def test_mail_is_in_the_language_of_its_recipient(
    alice: User, rf: RequestFactory, settings: Settings
) -> None:
    Preferences.objects.choose_language(alice.pk, "de")
    user = User.objects.get(pk=alice.pk)
    asked: list[str] = []

    class Adapter(AccountAdapter):
        def render_mail(self, *args: Any, **kwargs: Any) -> Any:
            asked.append(translation.get_language())
            return mail.EmailMessage("Subject", "Text", "a@example.com", [user.email])

    request = rf.get("/", headers={"Host": "localhost"})
    with context.request_context(request), translation.override("hu"):
        Adapter(request).send_mail("account/email/password_reset_key", user.email, {"user": user})
        Adapter(request).send_mail("account/email/unknown_account", "b@example.com", {})
    assert asked == ["de", "hu"]


# --- no leaks -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_request_leaves_no_language_behind(client: Client) -> None:
    before = translation.get_language()
    client.get(LOGIN, headers={"Accept-Language": "de"})
    assert translation.get_language() == before
    assert client.get(LOGIN)["Content-Language"] == "en"


def test_a_request_that_fails_leaves_no_language_behind(rf: RequestFactory) -> None:
    def broken(request: HttpRequest) -> HttpResponse:
        translation.activate("hu")
        raise ZeroDivisionError

    middleware: Any = in_language_of_browser(broken)
    with pytest.raises(ZeroDivisionError):
        middleware(rf.get("/", headers={"Accept-Language": "de"}))
    assert translation.get_language() == "en"


@pytest.mark.asyncio
async def test_requests_at_the_same_time_keep_their_languages(rf: RequestFactory) -> None:
    """Each waits in the middle of its work, and works in a thread, until all others do."""
    codes = ["de", "hu", "zh-hans", "en"] * 3
    together = asyncio.Barrier(len(codes))

    async def view(request: HttpRequest) -> HttpResponse:
        await together.wait()
        in_thread = await sync_to_async(translation.get_language, thread_sensitive=False)()
        await together.wait()
        return HttpResponse(f"{translation.get_language()} {in_thread}")

    middleware: Any = in_language_of_browser(view)

    async def ask(code: str) -> str:
        answer = await middleware(rf.get("/", headers={"Accept-Language": code}))
        return str(answer.text)

    async with asyncio.timeout(10):
        found = await asyncio.gather(*map(ask, codes))
    assert found == [f"{code} {code}" for code in codes]
    assert translation.get_language() == "en"


def test_threads_of_their_own_keep_theirs() -> None:
    with translation.override("de"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(translation.get_language).result() == "en"
        assert pool.submit(said_in, "hu", "Log in").result() == "Belépés"
        assert pool.submit(translation.get_language).result() == "en"
        assert translated("Log in") == "Anmelden"


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_a_choice_made_in_a_thread_stays_with_its_request() -> None:
    """By the whole chain of a server, where middleware asks the database in a thread."""
    alice = await User.objects.acreate(username="alice")
    await sync_to_async(Preferences.objects.choose_language)(alice.pk, "de")
    hers, his = AsyncClient(), AsyncClient()
    await hers.aforce_login(alice)
    mine = await hers.get(PREFERENCES)
    theirs = await his.get(LOGIN, headers={"Accept-Language": "hu"})
    assert (mine["Content-Language"], theirs["Content-Language"]) == ("de", "hu")
    assert translation.get_language() == "en"


def test_name_from_right_to_left_turns_no_sentence_but_stays_itself_in_the_log() -> None:
    """Sentences within a sentence keep what is isolated in them."""
    inner = Sentence("{name} has no value.", name="\u05d0\u05d1")
    outer = Sentence("{problem} Ask {who}, {count}.", problem=inner, who="a\u202eb", count=3)
    assert said(outer) == "\u2068\u05d0\u05d1\u2069 has no value. Ask a[RLO]b, 3."
    assert said_in("de", inner).startswith("\u2068\u05d0\u05d1\u2069")
    assert outer == translated(outer) == "\u05d0\u05d1 has no value. Ask a\u202eb, 3."
