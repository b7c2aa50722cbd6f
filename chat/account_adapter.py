"""The account rules that are Parley's own; the rest is allauth's."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from chat import languages, log_in_limits
from chat.first_account import an_account_exists
from chat.log_in import check_password
from chat.names import is_taken, normalised
from chat.second_factor import seal_rows
from chat.trusted_proxies import client_address


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Rules of sign-up, limits of log-in tries, and the address a request comes from."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Open only by `SIGNUP=open`, and never for the first account: that is the link's."""
        return settings.SIGNUP == "open" and an_account_exists()

    def get_client_ip(self, request: HttpRequest) -> str:
        """The visitor's address, by which failed log-ins are counted."""
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        found = client_address(request.META.get("REMOTE_ADDR"), forwarded)
        if not found:
            raise PermissionDenied("The client's address is unknown.")
        return found

    # --- names and passwords --------------------------------------------------------------

    def clean_username(self, username: str, shallow: bool = False) -> str:
        username = normalised(username)
        if not shallow and is_taken(username):
            raise self.validation_error("username_taken")
        return str(super().clean_username(username, shallow))

    def clean_email(self, email: str) -> str:
        return normalised(str(super().clean_email(email)))

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        if password := form.cleaned_data.get("password1"):
            form.cleaned_data["password1"] = normalised(password)
        saved: User = super().save_user(request, user, form, commit)
        return saved

    def set_password(self, user: User, password: str) -> None:
        super().set_password(user, normalised(password))

    # --- e-mails --------------------------------------------------------------------------

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send it in the language of its recipient, as far as that is known."""
        user = context.get("user")
        language = languages.chosen_by(user) if user is not None else ""
        with translation.override(language or translation.get_language()):
            super().send_mail(template_prefix, email, context)

    # --- tries ----------------------------------------------------------------------------

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        name = credentials.get("username") or credentials.get("email") or ""
        self._tries = log_in_limits.take(request, name)
        if not self._tries.allowed:
            raise self.validation_error("too_many_login_attempts")

    def _rollback_login_failed_rl_usage(self) -> None:
        self._tries.give_back()

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        log_in_limits.forgive(request, credentials["email"])

    def reauthenticate(self, user: User, password: str) -> bool:
        """True if this is the password of the user; counted like a log-in."""
        self.pre_authenticate(self.request, username=user.get_username())
        if check_password([user], password) is None:
            return False
        self._tries.give_back()
        return True

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        log_in_limits.remember_browser(request, response, user)
        seal_rows(Authenticator.objects.filter(user=user))
        return response
