"""An OpenAI-compatible endpoint as staff set it up in the admin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.formats import date_format

from chat.models.sealing import Unreadable, seal, unseal
from chatproject.endpoint_variables import is_base_url


class Prefix(models.TextChoices):
    """How an endpoint goes on with a text that it is given the beginning of."""

    PLAIN = "plain", "A trailing assistant message is continued (llama.cpp)"
    VLLM = "vllm", "continue_final_message (vLLM, SGLang)"
    FLAG = "flag", "prefix: true on the last message (DeepSeek /beta, Mistral)"


class MaxTokensName(models.TextChoices):
    MAX_TOKENS = "max_tokens", "max_tokens (nearly all)"
    MAX_COMPLETION_TOKENS = "max_completion_tokens", "max_completion_tokens (OpenAI, Azure)"


class KeyHeader(models.TextChoices):
    AUTHORIZATION = "authorization", "Authorization: Bearer (nearly all)"
    API_KEY = "api-key", "api-key (Azure)"


COMPLETIONS = "/chat/completions"

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110."""

OUR_HEADERS = frozenset(
    [
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
"""They frame the request and its answer."""

SECRET_LIMIT = 4096
"""Characters of a key or of a header's value."""


@dataclass(frozen=True)
class EndpointSettings:
    """Where an endpoint is and how it is spoken to. Times are seconds."""

    name: str
    """The first part of its models' public ids."""
    label: str
    base_url: str = field(repr=False)
    api_key: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    prefix: str = ""
    """One of `Prefix`; empty where it cannot continue a text."""
    max_tokens_name: str = MaxTokensName.MAX_TOKENS.value
    key_header: str = KeyHeader.AUTHORIZATION.value
    api_version: str = ""
    path: str = COMPLETIONS
    connect_timeout: float = 10.0
    first_token_timeout: float = 60.0
    idle_timeout: float = 60.0
    problem: str = ""
    """Why it cannot be used now, in words for staff."""
    stored: bool = False
    """A row of the database, not a part of the environment."""

    @property
    def continues_prefix(self) -> bool:
        return bool(self.prefix)

    def extras(self) -> list[str]:
        """What is set beside address, key and models, in words; of a header only its name."""
        usual = usual_max_tokens_name(self.base_url)
        named = {
            "continues by": self.prefix,
            "length limit": self.max_tokens_name if self.max_tokens_name != usual else "",
            "key header": self.key_header if self.key_header != KeyHeader.AUTHORIZATION else "",
            "API version": self.api_version,
            "path": self.path if self.path != COMPLETIONS else "",
            "headers": ", ".join(name for name, _ in self.headers),
        }
        for what in ("connect", "first_token", "idle"):
            seconds = getattr(self, f"{what}_timeout")
            if seconds != getattr(settings, f"{what.upper()}_TIMEOUT"):
                named[f"{what.replace('_', ' ')} time-out"] = f"{seconds:g} s"
        return [f"{what}: {value}" for what, value in named.items() if value]


@dataclass(frozen=True)
class Dropped:
    """Secrets that were bound to an earlier address, or could not be read, and are gone."""

    key: bool = False
    headers: tuple[str, ...] = ()


def validate_base_url(value: str) -> None:
    """Django's own validator for URLs refuses the host names of a private network."""
    if not is_base_url(value):
        raise ValidationError(
            "Scheme, host, perhaps port and path are allowed, as in https://api.example/v1."
        )


def validate_secret(value: str) -> None:
    """A key or a header's value has to fit into a line. The error does not repeat it."""
    if not (value.isascii() and value.isprintable() and 0 < len(value) <= SECRET_LIMIT):
        raise ValidationError(
            f"Letters, digits and signs of ASCII are allowed, on one line, at most {SECRET_LIMIT}."
        )


def validate_header_name(name: str) -> None:
    """Whether staff may set a header of this name."""
    if len(name) > 100 or HEADER_NAME.fullmatch(name) is None:
        raise ValidationError("A header's name has letters, digits and hyphens.")
    if name.lower() in OUR_HEADERS:
        raise ValidationError(f"{name} cannot be set: the request needs its own.")


def usual_max_tokens_name(base_url: str) -> str:
    """What the endpoint at this address calls the length limit, as far as that is known."""
    host = urlsplit(base_url).hostname or ""
    if host == "api.openai.com" or host.endswith(".openai.azure.com"):
        return MaxTokensName.MAX_COMPLETION_TOKENS.value
    return MaxTokensName.MAX_TOKENS.value


class Endpoint(models.Model):
    """One row; its key and header values are sealed, and bound to its address."""

    slug = models.CharField(
        "name",
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z",
                "Small letters, digits and inner hyphens are allowed.",
            )
        ],
        help_text="Begins the ids of its models, as in openrouter/qwen3. It cannot be changed.",
    )
    label = models.CharField(max_length=80, help_text="What people see.")
    base_url = models.CharField(
        "address",
        max_length=500,
        validators=[validate_base_url],
        help_text="What stands before /chat/completions, mostly ending in /v1.",
    )
    sealed = models.TextField(blank=True, editable=False)
    key_set_at = models.DateTimeField(null=True, editable=False)
    header_names = models.JSONField(default=list, blank=True, editable=False)
    prefix = models.CharField(
        "continuing a text",
        max_length=10,
        choices=Prefix,
        blank=True,
        help_text="How a reply that was cut goes on. docs/endpoints.md says who can what.",
    )
    max_tokens_name = models.CharField(
        "name of the length limit",
        max_length=24,
        choices=MaxTokensName,
        default=MaxTokensName.MAX_TOKENS,
    )
    key_header = models.CharField(
        "header of the key", max_length=14, choices=KeyHeader, default=KeyHeader.AUTHORIZATION
    )
    api_version = models.CharField(
        "API version", max_length=40, blank=True, help_text="Azure only, as in 2024-10-21."
    )
    path = models.CharField(
        max_length=200,
        default=COMPLETIONS,
        validators=[
            RegexValidator(
                r"^/(?!/)[\w./-]*(\{model\}[\w./-]*)?\Z", "A path, as in /chat/completions."
            )
        ],
        help_text="Below the address. {model} stands for the model's name, as in Azure's "
        "/openai/deployments/{model}/chat/completions.",
    )
    connect_timeout = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.1), MaxValueValidator(86_400)],
        help_text="Seconds until it accepts a connection. Empty: CONNECT_TIMEOUT.",
    )
    first_token_timeout = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.1), MaxValueValidator(86_400)],
        help_text="Seconds until it sends the first token. Empty: FIRST_TOKEN_TIMEOUT.",
    )
    idle_timeout = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.1), MaxValueValidator(86_400)],
        help_text="Seconds of silence in the middle of a reply. Empty: IDLE_TIMEOUT.",
    )
    position = models.PositiveIntegerField("order", default=0, help_text="Small numbers first.")
    enabled = models.BooleanField("on", default=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.label

    @property
    def has_key(self) -> bool:
        return self.key_set_at is not None

    def problem(self) -> str:
        """Why its secrets cannot be read, in words for staff; "" where they can."""
        return self.settings().problem

    def key_state(self) -> str:
        """Of its key, what may be shown."""
        if self.key_set_at is None:
            return "none"
        if problem := self.problem():
            return f"cannot be read: {problem}"
        return f"set on {date_format(self.key_set_at, 'j M Y')}"

    def settings(self) -> EndpointSettings:
        """All that a request needs, its key included."""
        secrets: dict[str, Any] = {}
        problem = ""
        if self.sealed:
            try:
                secrets = unseal(self.sealed, bound_to=self.base_url)
            except Unreadable as unreadable:
                problem = str(unreadable)
        return EndpointSettings(
            name=self.slug,
            label=self.label,
            base_url=self.base_url,
            api_key=secrets.get("key", ""),
            headers=tuple(secrets.get("headers", {}).items()),
            prefix=self.prefix,
            max_tokens_name=self.max_tokens_name,
            key_header=self.key_header,
            api_version=self.api_version,
            path=self.path,
            connect_timeout=self.connect_timeout or settings.CONNECT_TIMEOUT,
            first_token_timeout=self.first_token_timeout or settings.FIRST_TOKEN_TIMEOUT,
            idle_timeout=self.idle_timeout or settings.IDLE_TIMEOUT,
            problem=problem,
            stored=True,
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
        keeps the stored value of that header. What is kept is dropped when the address changes or
        it cannot be read, and the answer says what was. Raises `Unreadable` where there is no
        ENCRYPTION_KEY to encrypt with.
        """
        moved = base_url != self.base_url
        names = list(self.header_names)
        new_headers = headers is not None and (set(headers) != set(names) or any(headers.values()))
        if not (moved or key is not None or new_headers):
            return Dropped()  # also what cannot be read stays, for when its ENCRYPTION_KEY returns
        known: dict[str, Any] = {}
        if self.sealed and not moved:
            with suppress(Unreadable):
                known = unseal(self.sealed, bound_to=self.base_url)
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
        self.sealed = seal(secrets, bound_to=base_url) if kept_key or kept_headers else ""
        self.base_url = base_url
        if key is not None or not kept_key:
            self.key_set_at = timezone.now() if kept_key else None
        self.header_names = list(kept_headers)
        return dropped
