"""The secrets of second factors at rest: sealed with `ENCRYPTION_KEY`, as endpoints' keys are.

A row from before is read as it is, and sealed when its user logs in; so is one that an older key
of several sealed, which may then be taken away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from asgiref.sync import iscoroutinefunction
from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import sync_and_async_middleware

from chat.languages import translated
from chat.models.values.encryption import Unreadable, decrypt, encrypt, encrypted_anew, is_encrypted
from chat.sentence import Sentence

PURPOSE = "second factor"
SECRETS = ("secret", "seed")
"""Keys of secrets in a row's data; its `migrated_codes` are a list of them."""


class SecretLost(Exception):
    """A second factor cannot be read, or none can be stored; the text has the remedy."""


class SealingAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's, storing secrets sealed."""

    def encrypt(self, text: str) -> str:
        try:
            return encrypt({"secret": text}, bound_to=PURPOSE)
        except Unreadable as why:
            raise SecretLost(
                Sentence("A second factor cannot be stored. {reason}", reason=why.args[0])
            ) from None

    def decrypt(self, encrypted_text: str) -> str:
        if not is_encrypted(encrypted_text):
            return encrypted_text
        try:
            return str(decrypt(encrypted_text, bound_to=PURPOSE)["secret"])
        except Unreadable:
            raise SecretLost(
                Sentence(
                    "Your second factor was encrypted with another ENCRYPTION_KEY. The operator of "
                    "the server can restore that key. Otherwise an administrator can remove the "
                    "second factor, and you can set up a new one."
                )
            ) from None


def seal_rows(rows: Any) -> int:
    """Encrypt secrets in the clear or under an older key; returns the number of rows.

    Secrets without a key, or with a lost one, stay as they are.
    """
    changed = 0
    for row in rows:
        try:
            data = {name: _sealed(value, name) for name, value in row.data.items()}
        except Unreadable:
            continue
        if data != row.data:
            row.data = data
            row.save(update_fields=["data"])
            changed += 1
    return changed


def _sealed(value: Any, name: str) -> Any:
    if name == "migrated_codes":
        return [_sealed(code, SECRETS[0]) for code in value]
    if name not in SECRETS or not isinstance(value, str):
        return value
    if not is_encrypted(value):
        return encrypt({"secret": value}, bound_to=PURPOSE)
    return encrypted_anew(value)


# --- forms and pages ------------------------------------------------------------------------


class _WithSecretLost:
    """Shows the reason under the code if it cannot be checked."""

    def clean_code(self) -> str:
        try:
            code: str = super().clean_code()  # type: ignore[misc]
        except SecretLost as why:
            raise forms.ValidationError(translated(why.args[0])) from None
        return code


class CodeForm(_WithSecretLost, AuthenticateForm):  # type: ignore[misc]
    """The second step of a log-in."""


class CodeAgainForm(_WithSecretLost, ReauthenticateForm):  # type: ignore[misc]
    """A form that asks for the second factor once more."""


class NewAppForm(ActivateTOTPForm):  # type: ignore[misc]
    """A new authenticator app, where its secret can be stored."""

    def clean_code(self) -> str:
        code: str = super().clean_code()
        try:
            SealingAdapter().encrypt("")
        except SecretLost as why:
            raise forms.ValidationError(translated(why.args[0])) from None
        return code


type Answer = Callable[[HttpRequest], HttpResponseBase]
type AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def lost_second_factor_page(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Middleware that answers `SecretLost` with a page about lost recovery codes."""
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            return await cast(AsyncAnswer, get_response)(request)

        middleware: Any = async_middleware
    else:

        def sync_middleware(request: HttpRequest) -> HttpResponseBase:
            return cast(Answer, get_response)(request)

        middleware = sync_middleware

    def process_exception(request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, SecretLost):
            return render(request, "mfa/lost.html", {"why": exception.args[0]}, status=503)
        return None

    middleware.process_exception = process_exception
    return cast("Answer | AsyncAnswer", middleware)
