"""The forms by which people change passwords and addresses of their own."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import (
    AddEmailForm,
    ChangePasswordForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
    SignupForm,
    default_token_generator,
)
from allauth.account.internal.flows.password_reset import request_password_reset
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat.log_in import check_password
from chat.models import Token
from chat.names import accounts_at, address_of, is_taken, normalised


class OffersToRevoke:
    """Asks, where there are API tokens, whether they end with the old password."""

    user: Any
    fields: dict[str, forms.Field]
    cleaned_data: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        has_tokens = (
            settings.API_TOKENS
            and self.user is not None
            and Token.objects.for_user(self.user).live().exists()
        )
        if has_tokens:
            self.fields["revoke_tokens"] = forms.BooleanField(
                label=_("Also revoke my API tokens"), required=False
            )

    def save(self) -> None:
        super().save()  # type: ignore[misc]
        if self.cleaned_data.get("revoke_tokens"):
            Token.objects.for_user(self.user).revoke()


class NewPasswordForm(OffersToRevoke, ChangePasswordForm):  # type: ignore[misc]
    """A new password for a user with the old one."""

    def clean_oldpassword(self) -> str:
        typed: str = self.cleaned_data.get("oldpassword", "")
        if check_password([self.user], typed) is None:
            raise get_adapter().validation_error("enter_current_password")
        return typed


class FirstPasswordForm(OffersToRevoke, SetPasswordForm):  # type: ignore[misc]
    """A password for an account that has none."""


class PasswordByMailForm(OffersToRevoke, ResetPasswordKeyForm):  # type: ignore[misc]
    """A new password for a user with the link from the mail."""


class ForgottenPasswordForm(ResetPasswordForm):  # type: ignore[misc]
    """Sends the link to the stored address of each account, in whatever case it was typed."""

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        self.users = accounts_at(email)
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email: str = self.cleaned_data["email"]
        for user in self.users:
            request_password_reset(
                request, address_of(user, email), [user], default_token_generator
            )
        return email


class _FreeAddress:
    """Refuses an address by which somebody else logs in."""

    user: Any = None

    def clean_email(self) -> str:
        email = normalised(super().clean_email())  # type: ignore[misc]
        mine = getattr(self.user, "pk", None)
        if email and is_taken(email, mine):
            raise get_adapter().validation_error("email_taken")
        return email


class SignUpForm(_FreeAddress, SignupForm):  # type: ignore[misc]
    """A new account of one's own."""


class NewAddressForm(_FreeAddress, AddEmailForm):  # type: ignore[misc]
    """Another address of one's own."""
