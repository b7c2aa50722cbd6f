"""The language of each request and connection, and sentences in it.

What a user chose counts first, then the choice of this browser (a cookie), then what the browser
accepts. Programs with a token come with `Accept-Language`, else the user's choice counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from inspect import iscoroutinefunction
from types import SimpleNamespace
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation.trans_real import parse_accept_lang_header

from chat.marking import quoted
from chat.sentence import Sentence

type Answer = Callable[[HttpRequest], HttpResponseBase]
type AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

COOKIE_SECONDS = 365 * 86400
WORDED = ("text/html", "application/problem+json")
"""Types of answers that are in one language; others carry what people wrote."""


# --- sentences ----------------------------------------------------------------------------


def translated(text: str, shown: Callable[[str], str] = str) -> str:
    """The text in the active language; as it is where no catalogue has it.

    `shown` makes what stands in the sentence of each value that is a text.
    """
    if not text:
        return ""
    if not isinstance(text, Sentence):
        return translation.gettext(text)
    if text.plural is not None:
        said = translation.ngettext(text.wording, text.plural, text.values["count"])
    else:
        said = translation.gettext(text.wording)
    if not text.values:
        return said
    return said.format(**{name: _within(value, shown) for name, value in text.values.items()})


def _within(value: object, shown: Callable[[str], str]) -> object:
    if isinstance(value, Sentence):
        return translated(value, shown)
    return shown(value) if isinstance(value, str) else value


def said(text: str) -> str:
    """The same for where no element can stand: names keep their direction to themselves.

    HTML has elements for that (`marking.isolated`), and the admin's pages are marked as a whole.
    """
    return translated(text, quoted)


def said_in(language: str, text: str) -> str:
    """The same in this language; "" stands for English."""
    with translation.override(language or settings.LANGUAGE_CODE):
        return said(text)


# --- the choice ---------------------------------------------------------------------------


def is_known(code: str) -> bool:
    """True for a language that Parley speaks, written as in `LANGUAGES`."""
    return code in dict(settings.LANGUAGES)


def chosen_by(user: Any) -> str:
    """The language that this user chose, or "".

    Reads the database where the user was loaded without preferences.
    """
    found = getattr(user, "chat_preferences", None)
    return found.language if found is not None and is_known(found.language) else ""


def of_browser(cookies: dict[str, str], accepted: str) -> str:
    """The language of a browser: its cookie, else the best of `Accept-Language`, else English."""
    facts = SimpleNamespace(COOKIES=cookies, META={"HTTP_ACCEPT_LANGUAGE": accepted})
    return translation.get_language_from_request(cast(HttpRequest, facts))


def of_program(request: HttpRequest, choice: str) -> str:
    """The language of a request with a token, by `Accept-Language`, else by the user's choice."""
    for code, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "").lower()):
        try:
            return translation.get_supported_language_variant(code)
        except LookupError:
            continue
    return choice or settings.LANGUAGE_CODE


def of_request(request: HttpRequest | None) -> str:
    """The language of whoever sent the request: that of their login, else the active one."""
    caller = getattr(request, "caller", None)
    language = caller.login.language if caller is not None else ""
    return language or translation.get_language() or settings.LANGUAGE_CODE


def remember(response: HttpResponse, code: str) -> None:
    """Set the browser's cookie to this language; "": back to what the browser accepts."""
    name = settings.LANGUAGE_COOKIE_NAME
    if not code:
        response.delete_cookie(name, samesite="Lax")
        return
    response.set_cookie(
        name,
        code,
        max_age=COOKIE_SECONDS,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


# --- middleware ---------------------------------------------------------------------------


@sync_and_async_middleware
def in_language_of_browser(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware that answers in the browser's language, and leaves none behind."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            with _restored(request):
                return _labelled(request, await get_response(request))

        return middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        with _restored(request):
            return _labelled(request, get_response(request))  # type: ignore[arg-type]

    return sync_middleware


@contextmanager
def _restored(request: HttpRequest) -> Iterator[None]:
    accepted = request.headers.get("Accept-Language", "")
    with translation.override(of_browser(request.COOKIES, accepted)):
        yield


def _labelled(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    patch_vary_headers(response, ("Accept-Language", "Cookie"))
    if response.headers.get("Content-Type", "").partition(";")[0] in WORDED:
        response.headers.setdefault("Content-Language", of_request(request))
    return response


@sync_and_async_middleware
def in_language_of_user(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware that answers pages in the language that the user chose.

    The user is loaded once, for the view, too. The APIs find the caller, and the choice, themselves
    (`authentication.identify`).
    """
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            if _may_have_chosen(request):
                _activate(await sync_to_async(_choice)(request))
            response: HttpResponseBase = await get_response(request)
            return response

        return middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase:
        if _may_have_chosen(request):
            _activate(_choice(request))
        return get_response(request)  # type: ignore[return-value]

    return sync_middleware


def _may_have_chosen(request: HttpRequest) -> bool:
    return settings.SESSION_COOKIE_NAME in request.COOKIES and not request.path_info.startswith(
        ("/api/", "/v1/")
    )


def _choice(request: HttpRequest) -> str:
    return chosen_by(request.user)


def _activate(code: str) -> None:
    # Within `in_language_of_browser`, which restores what was active before.
    if code:
        translation.activate(code)
