"""The forms that are Parley's own; the rest is allauth's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from allauth.account.forms import LoginForm
from django import forms
from django.conf import settings
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from chat.account_adapter import AccountAdapter as AccountAdapter  # where it used to be
from chat.models import Scope, Token
from chat.names import normalised
from chat.protocol import BadFrame, parse_settings


class LogInForm(LoginForm):  # type: ignore[misc]
    """allauth's form, with labels that fit and hints for password managers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Username or e-mail")
        self.fields["login"].widget.attrs |= {
            "autocomplete": "username",
            "autocapitalize": "none",
            "spellcheck": "false",
            "autofocus": True,
        }
        # The page helps below the form with a forgotten password.
        self.fields["password"].help_text = ""


class FirstAccountForm(UserCreationForm):  # type: ignore[type-arg]
    """Name and password of the first administrator."""

    email = forms.EmailField(
        required=False,
        label=_("E-mail (optional)"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    class Meta:
        model = User
        fields = ("username", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs["autocomplete"] = "username"
        self.fields["username"].help_text = _("Letters, digits and @ . + - _")
        self.fields["password2"].label = _("Password again")
        self.fields["password2"].help_text = ""

    def set_password_and_save(self, user: User, *args: Any, **kwargs: Any) -> User:
        self.cleaned_data["password1"] = normalised(self.cleaned_data["password1"])
        saved: User = super().set_password_and_save(user, *args, **kwargs)  # type: ignore[misc]
        return saved

    def validate_password_for_user(
        self,
        user: User,
        password_field_name: str = "password1",  # noqa: S107
    ) -> None:
        # Django shows the faults of the first field under the second.
        super().validate_password_for_user(user, password_field_name)  # type: ignore[misc]

    def clean_email(self) -> str:
        # As allauth stores it, which compares addresses in lower case.
        return normalised(str(self.cleaned_data["email"])).lower()


class PreferencesForm(forms.Form):
    """Preferences of a user, which hold on every device."""

    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=lambda: [("", _("As the browser asks for")), *settings.LANGUAGES],
    )


class ProfileForm(forms.Form):
    """The name that is shown to its user."""

    name = forms.CharField(
        label=_("Name"),
        max_length=150,
        required=False,
        help_text=_("Shown instead of the username."),
        widget=forms.TextInput(attrs={"autocomplete": "name", "dir": "auto"}),
    )

    def clean_name(self) -> str:
        return normalised(str(self.cleaned_data["name"]))


EFFORTS = (
    ("", _("Model default")),
    ("none", pgettext_lazy("reasoning effort", "None")),
    ("minimal", pgettext_lazy("reasoning effort", "Minimal")),
    ("low", pgettext_lazy("reasoning effort", "Low")),
    ("medium", pgettext_lazy("reasoning effort", "Medium")),
    ("high", pgettext_lazy("reasoning effort", "High")),
    ("xhigh", pgettext_lazy("reasoning effort", "Extra high")),
)
LONGEST_INSTRUCTIONS = 8000
"""Less than a system prompt may have: every new conversation of the page sends it along."""


class DefaultsForm(forms.Form):
    """Model, instructions and settings with which new conversations begin."""

    model = forms.ChoiceField(label=_("Model"), required=False)
    system = forms.CharField(
        label=_("Own instructions"),
        required=False,
        max_length=LONGEST_INSTRUCTIONS,
        help_text=_("The system prompt of each new conversation. You can change it there."),
        widget=forms.Textarea(attrs={"rows": 6, "dir": "auto", "autocomplete": "off"}),
    )
    temperature = forms.FloatField(
        label=_("Temperature"),
        required=False,
        localize=True,
        help_text=_("From 0 (steady) to 2 (varied)."),
    )
    top_p = forms.FloatField(
        label=_("Top P"),
        required=False,
        localize=True,
        help_text=_("From 0 (only the likeliest words) to 1 (all words)."),
    )
    max_tokens = forms.IntegerField(
        label=_("Max. length"),
        required=False,
        help_text=_("In tokens, including thinking: 1 to 1,000,000."),
    )
    reasoning_effort = forms.ChoiceField(
        label=_("Reasoning effort"),
        required=False,
        choices=EFFORTS,
        help_text=_("How long the model thinks. Not every model supports this."),
    )

    def __init__(self, *args: Any, models: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].choices = [("", _("Server default")), *models]  # type: ignore[attr-defined]
        for name in ("temperature", "top_p", "max_tokens"):
            self.fields[name].widget.attrs |= {"autocomplete": "off", "inputmode": "decimal"}

    def clean(self) -> dict[str, Any]:
        """With `settings`, as a conversation's: the rules for both are the protocol's."""
        data = dict(self.cleaned_data)
        names = ("system", "temperature", "top_p", "max_tokens", "reasoning_effort")
        given = {name: data[name] for name in names if data.get(name) not in (None, "")}
        try:
            data["settings"] = parse_settings(given)
        except BadFrame as problem:
            field = str(problem.facts.get("field", "")).removeprefix("settings.")
            where = field if field in self.fields else None
            self.add_error(where, _("This value is not allowed."))
        return data


class TokenForm(forms.Form):
    """Name, scopes and end of a new API token."""

    EXPIRY = (
        ("7", _("in 7 days")),
        ("30", _("in 30 days")),
        ("90", _("in 90 days")),
        ("365", _("in a year")),
        ("", _("never")),
    )

    # Made with the form: sent twice, as by a reload, it makes one token.
    uid = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("For example, the program that will use it."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )
    days = forms.ChoiceField(
        label=pgettext_lazy("a token", "Expires"), choices=EXPIRY, required=False, initial="90"
    )

    def save(self, user: User) -> tuple[Token, str]:
        """The token and its secret. Raises as `Token.objects.make`."""
        data = self.cleaned_data
        expires = timezone.now() + timedelta(days=int(data["days"])) if data["days"] else None
        return Token.objects.make(user, data["name"], data["scopes"], expires, uid=data["uid"])
