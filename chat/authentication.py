"""Authentication of HTTP requests: API token, ticket for one stream, or session cookie."""

from __future__ import annotations

import base64
import json
import re
from copy import copy
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.crypto import salted_hmac

from chat import languages, sessions
from chat.models import Scope, Token
from chat.sentence import Sentence

SCOPES = tuple(Scope.values)

BEARER = re.compile(r"Bearer +(prl_[A-Za-z0-9_-]{32,100})", re.IGNORECASE)
IN_ADDRESS = re.compile(r"(?<![A-Za-z0-9_-])prl_[A-Za-z0-9_-]{20}")


@dataclass(frozen=True)
class Caller:
    """A user, and their login, with which a connection made for the caller ends."""

    login: sessions.Login

    @property
    def user_id(self) -> int:
        return self.login.user_id

    @property
    def token(self) -> int | None:
        """The primary key of the token it was, or that made the ticket; None for a session."""
        return self.login.token


class AuthenticationFailed(Exception):
    """Not let in: the answer's status, code, sentence and headers."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


def identify(request: HttpRequest, *scopes: str, ticket_for: UUID | None = None) -> Caller:
    """Return the caller, with one of these scopes (of none: any token will do).

    A request with an Authorization header is judged by that alone; one with `?ticket=` by that,
    where `ticket_for` names the reply whose stream it may open; every other by its session
    cookie, which may do everything, with Django's CSRF check where something is changed.
    Reads the database, and `request.user` never: call it in any thread that may do so. The log
    finds the caller on the request. Raises `AuthenticationFailed`.
    """
    caller = Caller(_in_language(request, _identify(request, scopes, ticket_for)))
    setattr(request, "caller", caller)  # noqa: B010  an attribute that Django does not know
    return caller


def refuse_token_in_address(request: HttpRequest) -> None:
    """Raise `AuthenticationFailed` for an address with a token in it, whatever else is sent."""
    if IN_ADDRESS.search(unquote_plus(request.META.get("QUERY_STRING", ""))):
        raise AuthenticationFailed(
            400,
            "token_in_url",
            Sentence(
                "Never send a token in a URL, which may be logged. Send it as "
                "`Authorization: Bearer …`, and revoke this one."
            ),
        )


def _in_language(request: HttpRequest, login: sessions.Login) -> sessions.Login:
    """The login with the language of this request."""
    if login.token is not None:
        language = languages.of_program(request, login.language)
    else:
        accepted = request.headers.get("Accept-Language", "")
        language = login.language or languages.of_browser(request.COOKIES, accepted)
    return replace(login, language=language)


def _identify(
    request: HttpRequest, scopes: tuple[str, ...], ticket_for: UUID | None
) -> sessions.Login:
    refuse_token_in_address(request)
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        return _by_token(authorization, scopes)
    if ticket_for is not None and "ticket" in request.GET:
        return _by_ticket(request.GET.getlist("ticket"), ticket_for, scopes)
    return _by_cookie(request)


def _by_token(authorization: str, scopes: tuple[str, ...]) -> sessions.Login:
    found = BEARER.fullmatch(authorization) if settings.API_TOKENS else None
    token = Token.objects.find(found[1]) if found else None
    if token is None:
        # One answer for a wrong, a revoked and an expired one, and for an inactive user.
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise AuthenticationFailed(401, "bad_token", Sentence("This token is not valid."), headers)
    _require(token, scopes)
    token.used()
    return sessions.log_in_token(token)


def _require(token: Token, scopes: tuple[str, ...]) -> None:
    if not token.allows(scopes):
        needed = " ".join(scopes)
        raise AuthenticationFailed(
            403,
            "scope",
            Sentence("This token lacks the scope {scopes}.", scopes=" or ".join(scopes)),
            {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'},
        )


def _by_cookie(request: HttpRequest) -> sessions.Login:
    login = sessions.log_in(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    if login is None:
        raise AuthenticationFailed(401, "not_logged_in", Sentence("Log in first."))
    if not _csrf_safe(request):
        raise AuthenticationFailed(403, "csrf", Sentence("The CSRF token is missing or wrong."))
    return login


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return HttpResponseForbidden(reason)  # Django's own renders a page, and logs


def _csrf_safe(request: HttpRequest) -> bool:
    """Django's check: of the token in the header, and of Origin or Referer."""
    twin = copy(request)
    if twin.method == "POST":
        # For a POST it would also look into the body, which is not a form here, and read it.
        twin.method = "PUT"
    check = _Csrf(lambda request: HttpResponse())
    return check.process_view(twin, _unsafe, (), {}) is None


def _unsafe(request: HttpRequest) -> HttpResponse:
    """Stands for a view that is not exempt from the check."""
    raise NotImplementedError


# --- tickets ------------------------------------------------------------------------------


def make_ticket(caller: Caller, reply: UUID) -> str:
    """A ticket for the stream of one reply, for an `EventSource`, which cannot send headers.

    It is valid for `TICKET_SECONDS` and for as long as the login it was made by, and so is its
    stream. It travels in addresses: signed, and encrypted for the session key that is in it.
    """
    login = caller.login
    content = {"reply": reply.hex, "user": login.user_id}
    content |= {"session": login.session_key} if login.token is None else {"token": login.token}
    return _cipher().encrypt(json.dumps(content).encode()).decode().rstrip("=")


def _by_ticket(tickets: list[str], reply: UUID, scopes: tuple[str, ...]) -> sessions.Login:
    login = None
    content = _read_ticket(tickets[0]) if len(tickets) == 1 else None
    if content is not None and content["reply"] == reply.hex:
        if "session" in content:
            login = sessions.log_in(content["session"])
        elif settings.API_TOKENS:
            rows = Token.objects.live().select_related("user__chat_preferences")
            rows = rows.defer("user__chat_preferences__default_settings")
            token = rows.filter(pk=content["token"]).first()
            if token is not None:
                _require(token, scopes)
                login = sessions.log_in_token(token)
        if login is not None and login.user_id == content["user"]:
            return login
    raise AuthenticationFailed(
        401, "bad_ticket", Sentence("This ticket is not valid or has expired. Request a new one.")
    )


def _read_ticket(ticket: str) -> dict[str, Any] | None:
    try:
        padded = ticket + "=" * (-len(ticket) % 4)
        sealed = _cipher().decrypt(padded.encode("ascii"), ttl=settings.TICKET_SECONDS)
    except (InvalidToken, UnicodeEncodeError):
        return None
    content: dict[str, Any] = json.loads(sealed)
    return content


def _cipher() -> Fernet:
    key = salted_hmac("parley.ticket", "stream", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
