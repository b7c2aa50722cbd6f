"""The form of an endpoint: secrets go in, and never come out again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.endpoint import HEADER_NAME, OPTIONS, WrongValue, clean_value, usual_max_tokens_name
from chat.languages import translated
from chat.models import Dropped, Endpoint, Unreadable, environment_endpoints
from chat.models.values.encryption import encrypt
from chat.templatetags.parley import day

DOTS = "••••••"
"""Stands for a stored value, and keeps it."""


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
        label=_("Key"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )
    remove_key = forms.BooleanField(label=_("Remove the key"), required=False)
    headers = forms.CharField(
        label=_("Headers"),
        required=False,
        widget=HeaderLines(attrs={"rows": 3, "cols": 60, "spellcheck": "false"}),
        help_text=_(
            "Sent with every request, one per line, as in X-Title: Parley. Their values are "
            "encrypted like the key. Leave •••••• to keep a stored value."
        ),
    )

    class Meta:
        model = Endpoint
        fields = ("slug", "label", "base_url", "enabled", *OPTIONS, "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dropped = Dropped()
        row: Endpoint = self.instance
        self._stored = {name.lower(): name for name in row.header_names}
        self.initial["headers"] = "\n".join(f"{name}: {DOTS}" for name in row.header_names)
        if "key" in self.fields and row.has_key:
            self.fields["key"].help_text = _kept_key(row)
        elif "key" in self.fields:
            self.fields["key"].help_text = _("Stored encrypted, and not shown again.")

    def full_clean(self) -> None:
        """Show a form that failed without its secrets, and say so."""
        super().full_clean()
        if not self.is_bound or not self.errors:
            return
        if self.cleaned_data.get("key"):
            self.add_error("key", _("A new key is not shown again. Enter it once more."))
        if any(self.cleaned_data.get("headers", {}).values()):
            self.add_error("headers", _("New values are not shown again. Enter them once more."))

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if slug in environment_endpoints().endpoints:
            raise ValidationError(_("The environment sets an endpoint with this name."))
        return slug

    def clean_key(self) -> str:
        key: str = cleaned("api_key", self.cleaned_data["key"])
        if key:
            can_be_encrypted()
        return key

    def clean_headers(self) -> dict[str, str | None]:
        """Values by name; None for one that stays as it is stored."""
        pairs: list[tuple[str, str | None]] = []
        for line in self.cleaned_data["headers"].splitlines():
            name, colon, value = (part.strip() for part in line.partition(":"))
            if name and not colon:
                said = gettext("Header {place} has no colon.").format(place=len(pairs) + 1)
                raise ValidationError(said)
            if name or colon:
                pairs.append(self._header(name, value))
        found = dict(cleaned("headers", pairs))
        if any(found.values()):
            can_be_encrypted()
        return found

    def _header(self, name: str, value: str) -> tuple[str, str | None]:
        """The name, as it is stored where it is, with its value, or None for one that stays."""
        if value != DOTS:
            return name, value
        stored = self._stored.get(name.lower())
        return (stored, None) if stored else (name, "")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("remove_key") and values.get("key"):
            self.add_error("remove_key", _("Enter a new key or remove the key, not both."))
        is_new = self.instance.pk is None
        if is_new and values.get("base_url") and "max_tokens_name" not in self.changed_data:
            values["max_tokens_name"] = usual_max_tokens_name(values["base_url"])
        return values

    def change_secrets(self) -> None:
        """Bring key, headers and address into the row; the caller saves it."""
        values, row = self.cleaned_data, self.instance
        address = row.base_url  # as its check has tidied it
        row.base_url = self.initial.get("base_url", "")
        key = "" if values.get("remove_key") else values["key"] or None
        self.dropped = row.change_secrets(base_url=address, key=key, headers=values["headers"])


def _kept_key(row: Endpoint) -> str:
    """The help of the key's field where one is stored."""
    if problem := row.problem():
        said = gettext(
            "Cannot be read: {problem} Leave this empty to keep it. If you change the address, "
            "enter the key and the values of the headers again."
        )
        return said.format(problem=translated(problem))
    said = gettext(
        "Set on {day}. Leave this empty to keep it. If you change the address, enter the key and "
        "the values of the headers again."
    )
    assert row.key_set_at is not None  # its caller asked for that
    return said.format(day=day(row.key_set_at))


def cleaned(field: str, value: Any) -> Any:
    """The value as an endpoint may have it, in the words of forms."""
    try:
        return clean_value(field, value)
    except WrongValue as wrong:
        raise ValidationError(translated(wrong.args[0])) from None


def can_be_encrypted() -> None:
    """Raise ValidationError where the server has nothing to encrypt with."""
    try:
        encrypt({}, bound_to="")
    except Unreadable as why:
        said = gettext("It cannot be encrypted. {reason}")
        raise ValidationError(said.format(reason=translated(why.args[0]))) from None
