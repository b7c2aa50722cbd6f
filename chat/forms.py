"""The forms and account rules that are Parley's own; the rest is allauth's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm
from django import forms
from django.conf import settings
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone

from chat.first_account import an_account_exists
from chat.models import Scope, Token


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Who may sign up, and whose address a request comes from."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Open only by `SIGNUP=open`, and never for the first account: that is the link's."""
        return settings.SIGNUP == "open" and an_account_exists()

    def get_client_ip(self, request: HttpRequest) -> str:
        """The visitor's address, by which failed log-ins are counted.

        Behind a proxy it is the last entry of X-Forwarded-For, the one our own proxy wrote;
        everything before it is the visitor's claim.
        """
        if settings.TRUSTED_PROXIES:
            *_, last = request.headers.get("x-forwarded-for", "").split(",")
            try:
                return str(forms.GenericIPAddressField().clean(last.strip()))
            except forms.ValidationError:
                pass
        peer = request.META.get("REMOTE_ADDR")
        if not peer:
            raise PermissionDenied("The client's address is unknown.")
        return str(peer)


class LogInForm(LoginForm):  # type: ignore[misc]
    """allauth's, with labels that say what may be typed and hints for password managers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Username or e-mail"
        self.fields["login"].widget.attrs |= {
            "autocomplete": "username",
            "autocapitalize": "none",
            "spellcheck": "false",
            "autofocus": True,
        }
        # The page says below the form what to do about a forgotten password.
        self.fields["password"].help_text = ""


class FirstAccountForm(UserCreationForm):  # type: ignore[type-arg]
    """What the first administrator chooses."""

    email = forms.EmailField(
        required=False,
        label="E-mail (optional)",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    class Meta:
        model = User
        fields = ("username", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = "Letters, digits and @ . + - _"
        self.fields["password2"].label = "Password, once more"
        self.fields["password2"].help_text = ""

    def validate_password_for_user(
        self,
        user: User,
        password_field_name: str = "password1",  # noqa: S107
    ) -> None:
        # Django tells under the second field what is wrong with the first.
        super().validate_password_for_user(user, password_field_name)  # type: ignore[misc]

    def clean_email(self) -> str:
        # As allauth stores it, which compares addresses in lower case.
        return str(self.cleaned_data["email"]).lower()


class TokenForm(forms.Form):
    """What a new API token is called, may do, and for how long."""

    EXPIRY = (
        ("7", "in 7 days"),
        ("30", "in 30 days"),
        ("90", "in 90 days"),
        ("365", "in a year"),
        ("", "never"),
    )

    # Made with the form: sent twice, as by a reload, it makes one token.
    uid = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    name = forms.CharField(
        max_length=80,
        help_text="What will use it, so that you know it again.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose one at least."},
    )
    days = forms.ChoiceField(label="It expires", choices=EXPIRY, required=False, initial="90")

    def save(self, user: User) -> tuple[Token, str]:
        """The token and its secret. Raises as `Token.objects.make`."""
        data = self.cleaned_data
        expires = timezone.now() + timedelta(days=int(data["days"])) if data["days"] else None
        return Token.objects.make(user, data["name"], data["scopes"], expires, uid=data["uid"])
