"""The form of an endpoint: what is secret goes in, and never comes out again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from chat.models import Dropped, Endpoint, Unreadable, environment_endpoints
from chat.models.endpoints import (
    HEADER_NAME,
    Prefix,
    usual_max_tokens_name,
    validate_header_name,
    validate_secret,
)
from chat.models.sealing import seal
from chatproject.endpoint_variables import tidy_base_url

DOTS = "••••••"
"""Stands for a stored value, and keeps it."""

MOST_HEADERS = 20


class HeaderLines(forms.Textarea):
    """One `Name: value` a line. A value is never rendered, be it stored or just entered."""

    def format_value(self, value: Any) -> str:
        lines = []
        for line in str(value or "").splitlines():
            name, colon, entered = (part.strip() for part in line.partition(":"))
            if colon and HEADER_NAME.fullmatch(name):
                lines.append(f"{name}: {DOTS if entered == DOTS else ''}")
        return "\n".join(lines)


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    key = forms.CharField(
        label="Key",
        required=False,
        validators=[validate_secret],
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )
    remove_key = forms.BooleanField(label="Remove the key", required=False)
    headers = forms.CharField(
        label="Headers",
        required=False,
        widget=HeaderLines(attrs={"rows": 3, "cols": 60, "spellcheck": "false"}),
        help_text="Sent with every request, one on a line, as in X-Title: Parley. The values are "
        f"kept like the key. {DOTS} stands for a stored value: left as it is, it stays.",
    )

    class Meta:
        model = Endpoint
        fields = (
            "slug", "label", "base_url", "enabled", "prefix", "max_tokens_name", "key_header",
            "api_version", "path", "connect_timeout", "first_token_timeout", "idle_timeout",
            "position",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dropped = Dropped()
        if "prefix" in self.fields:
            choices = [("", "By asking the model in words (works with all)"), *Prefix.choices]
            self.fields["prefix"].choices = choices  # type: ignore[attr-defined]
        row: Endpoint = self.instance
        self._stored = {name.lower(): name for name in row.header_names}
        self.initial["headers"] = "\n".join(f"{name}: {DOTS}" for name in row.header_names)
        state = row.key_state()
        if "key" in self.fields and state != "none":
            self.fields["key"].help_text = (
                f"{state[0].upper()}{state[1:].rstrip('.')}. Left empty, it stays. Together with "
                "the values of the headers it belongs to this address: with another address "
                "they are dropped, unless they are entered anew."
            )
        elif "key" in self.fields:
            self.fields["key"].help_text = "Stored encrypted and never shown again."

    def full_clean(self) -> None:
        """A form that failed comes back without what was secret in it, and says so."""
        super().full_clean()
        if not self.is_bound or not self.errors:
            return
        again = "It is not shown again: enter it once more."
        if self.cleaned_data.get("key"):
            self.add_error("key", again)
        if any(self.cleaned_data.get("headers", {}).values()):
            self.add_error("headers", again.replace("It is", "New values are").replace(" it ", " "))

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if slug in environment_endpoints().endpoints:
            raise ValidationError("The environment has an endpoint of this name.")
        return slug

    def clean_base_url(self) -> str:
        """What people copy from a manual is often the whole address."""
        address: str = self.cleaned_data["base_url"]
        return tidy_base_url(address)

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        if key:
            can_be_encrypted()
        return key

    def clean_headers(self) -> dict[str, str | None]:
        """Values by name; None for one that stays as it is stored."""
        found: dict[str, str | None] = {}
        lines = [line for line in self.cleaned_data["headers"].splitlines() if line.strip()]
        if len(lines) > MOST_HEADERS:
            raise ValidationError(f"At most {MOST_HEADERS} headers are allowed.")
        for number, line in enumerate(lines, 1):
            name, colon, value = (part.strip() for part in line.partition(":"))
            if not colon:
                raise ValidationError(f"Line {number} has no colon.")
            name, kept = self._header(number, name, value)
            if name.lower() in map(str.lower, found):
                raise ValidationError(f"Line {number} names {name} again.")
            found[name] = None if kept else value
        if any(found.values()):
            can_be_encrypted()
        return found

    def _header(self, number: int, name: str, value: str) -> tuple[str, bool]:
        """The name, as it is stored where it is, and whether its value stays."""
        try:
            validate_header_name(name)
        except ValidationError as wrong:
            raise ValidationError(f"Line {number}: {wrong.message}") from None
        if value == DOTS and name.lower() in self._stored:
            return self._stored[name.lower()], True
        if value in ("", DOTS):
            raise ValidationError(f"{name} has no value: enter it.")
        try:
            validate_secret(value)
        except ValidationError as wrong:
            raise ValidationError(f"The value of {name}: {wrong.message}") from None
        return name, False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("remove_key") and cleaned.get("key"):
            self.add_error("remove_key", "Either a new key, or none.")
        is_new = self.instance.pk is None
        if is_new and cleaned.get("base_url") and "max_tokens_name" not in self.changed_data:
            cleaned["max_tokens_name"] = usual_max_tokens_name(cleaned["base_url"])
        return cleaned

    def change_secrets(self) -> None:
        """Bring key, headers and address into the row; the caller saves it."""
        cleaned, row = self.cleaned_data, self.instance
        row.base_url = self.initial.get("base_url", "")
        key = "" if cleaned.get("remove_key") else cleaned["key"] or None
        self.dropped = row.change_secrets(
            base_url=cleaned["base_url"], key=key, headers=cleaned["headers"]
        )


def can_be_encrypted() -> None:
    """Raise ValidationError where the server has nothing to encrypt with."""
    try:
        seal({}, bound_to="")
    except Unreadable as why:
        raise ValidationError(f"It cannot be stored encrypted. {why}") from None
