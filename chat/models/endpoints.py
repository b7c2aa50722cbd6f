"""An OpenAI-compatible endpoint as staff set it up in the admin."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from chat.endpoint import (
    LONGEST_ADDRESS,
    LONGEST_LABEL,
    OPTIONS,
    EndpointConfig,
    WrongValue,
    clean_value,
    usual_max_tokens_name,
)
from chat.languages import translated
from chat.models.values.encryption import Unreadable, decrypt, encrypt
from chat.sentence import Sentence


@dataclass(frozen=True)
class Dropped:
    """Secrets that were bound to an earlier address, or could not be read, and are gone."""

    key: bool = False
    headers: tuple[str, ...] = ()


def usual_options(base_url: str) -> dict[str, Any]:
    """All options as an endpoint at this address has them where nobody chose others."""
    usual = {
        name: getattr(settings, option.setting) if option.setting else option.default
        for name, option in OPTIONS.items()
    }
    return usual | {"max_tokens_name": usual_max_tokens_name(base_url)}


def chosen_options(endpoint: EndpointConfig) -> list[str]:
    """Options that differ from the usual ones, in words; of a header only its name."""
    usual = usual_options(endpoint.base_url)
    found = [
        f"{gettext(option.label)}: {option.in_words(value)}"
        for name, option in OPTIONS.items()
        if (value := getattr(endpoint, name)) != usual[name]
    ]
    if endpoint.headers:
        names = ", ".join(name for name, _value in endpoint.headers)
        found.append(gettext("headers: {names}").format(names=names))
    return found


def column(name: str) -> Any:
    """The column of an option; empty where the setting has its default."""
    option = OPTIONS[name]
    common: dict[str, Any] = {
        "verbose_name": _(option.label),
        "help_text": option.help and _(option.help),
    }
    if option.setting:
        return models.FloatField(null=True, blank=True, **common)
    if option.default != "":  # else a change of this would rewrite the table on SQLite
        common["default"] = option.default
    if isinstance(option.default, bool):
        return models.BooleanField(**common)
    choices: Any = option.choices and {one: _(words) for one, words in option.choices.items()}
    return models.CharField(
        max_length=option.longest, choices=choices, blank=not option.default, **common
    )


class Endpoint(models.Model):
    """One row; its key and header values are sealed, and bound to its address."""

    slug = models.CharField(
        _("name"),
        max_length=40,
        unique=True,
        help_text=_(
            "First part of the ids of models, as in openrouter/qwen3. It cannot be changed."
        ),
    )
    label = models.CharField(
        _("label"), max_length=LONGEST_LABEL, help_text=_("The name that users see.")
    )
    base_url = models.CharField(
        _("address"),
        max_length=LONGEST_ADDRESS,
        help_text=_("The part before /chat/completions, usually ending in /v1."),
    )
    sealed = models.TextField(blank=True, editable=False)
    key_set_at = models.DateTimeField(null=True, editable=False)
    header_names = models.JSONField(default=list, blank=True, editable=False)
    prefix = column("prefix")
    max_tokens_name = column("max_tokens_name")
    key_header = column("key_header")
    api_version = column("api_version")
    path = column("path")
    connect_timeout = column("connect_timeout")
    first_token_timeout = column("first_token_timeout")
    idle_timeout = column("idle_timeout")
    position = models.PositiveIntegerField(
        _("order"), default=0, help_text=_("Lower numbers come first.")
    )
    enabled = models.BooleanField(pgettext_lazy("an endpoint", "on"), default=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("endpoint")
        verbose_name_plural = _("endpoints")
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.label

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Check each value as those of the environment are checked, and tidy it."""
        errors: dict[str, Any] = {}
        try:
            super().clean_fields(exclude)
        except ValidationError as wrong:
            errors = wrong.update_error_dict(errors)
        names = {"slug": "name", "label": "label", "base_url": "base_url"}
        for attribute, name in (names | dict(zip(OPTIONS, OPTIONS, strict=True))).items():
            value = getattr(self, attribute)
            if value is None or attribute in errors or attribute in (exclude or ()):
                continue
            try:
                setattr(self, attribute, clean_value(name, value))
            except WrongValue as why:
                errors[attribute] = [translated(why.args[0])]
        if errors:
            raise ValidationError(errors)

    @property
    def has_key(self) -> bool:
        return self.key_set_at is not None

    def problem(self) -> str:
        """The reason that its secrets cannot be read, in words for staff; "" if they can."""
        return self.config().problem

    def key_state(self) -> str:
        """The state of its key, without the key, in the active language."""
        if self.key_set_at is None:
            return pgettext("a key", "none")
        if problem := self.problem():
            return translated(Sentence("cannot be read: {problem}", problem=problem))
        return gettext("set on {day}").format(day=date_format(self.key_set_at, "DATE_FORMAT"))

    def config(self) -> EndpointConfig:
        """All that a request needs, its key included."""
        secrets: dict[str, Any] = {}
        problem = ""
        if self.sealed:
            try:
                secrets = decrypt(self.sealed, bound_to=self.base_url)
            except Unreadable as unreadable:
                problem = unreadable.args[0]
        chosen = {name: value for name in OPTIONS if (value := getattr(self, name)) is not None}
        return EndpointConfig(
            name=self.slug,
            label=self.label,
            base_url=self.base_url,
            api_key=secrets.get("key", ""),
            headers=tuple(secrets.get("headers", {}).items()),
            problem=problem,
            stored=True,
            private=settings.PRIVATE_ENDPOINTS,
            **usual_options(self.base_url) | chosen,
        )

    def change_secrets(
        self,
        *,
        base_url: str,
        key: str | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Dropped:
        """Set the address with its key and headers; the caller saves the row.

        `key` None keeps the stored one, "" removes it. `headers` None keeps all; in a mapping, None
        keeps the stored value of that header. Kept values are dropped when the address changes or
        they cannot be read, and the answer names them. Raises `Unreadable` where there is no
        ENCRYPTION_KEY to encrypt with.
        """
        moved = base_url != self.base_url
        names = list(self.header_names)
        new_headers = headers is not None and (set(headers) != set(names) or any(headers.values()))
        if not (moved or key is not None or new_headers):
            return Dropped()  # unreadable secrets stay too, for when their ENCRYPTION_KEY returns
        known: dict[str, Any] = {}
        if self.sealed and not moved:
            with suppress(Unreadable):
                known = decrypt(self.sealed, bound_to=self.base_url)
        stored = known.get("headers", {})
        wanted = dict.fromkeys(names) if headers is None else headers
        given = {
            name: stored.get(name) if value is None else value for name, value in wanted.items()
        }
        kept_headers = {name: value for name, value in given.items() if value is not None}
        kept_key = known.get("key", "") if key is None else key
        dropped = Dropped(
            key=self.has_key and key is None and not kept_key,
            headers=tuple(name for name in wanted if name not in kept_headers),
        )
        secrets = {"key": kept_key, "headers": kept_headers}
        self.sealed = encrypt(secrets, bound_to=base_url) if kept_key or kept_headers else ""
        self.base_url = base_url
        if key is not None or not kept_key:
            self.key_set_at = timezone.now() if kept_key else None
        self.header_names = list(kept_headers)
        return dropped
