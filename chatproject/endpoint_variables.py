"""Endpoints that are named in the environment: `ENDPOINTS=groq,azure` and `ENDPOINT_GROQ_…`.

    ENDPOINTS=groq
    ENDPOINT_GROQ_URL=https://api.groq.com/openai/v1
    ENDPOINT_GROQ_KEY=gsk_…
    ENDPOINT_GROQ_MODELS=llama-3.3-70b-versatile,openai/gpt-oss-120b

docs/endpoints.md has a table of all of them. What `OPENAI_BASE_URL` names is the endpoint
`openai`, and takes these, too (`ENDPOINT_OPENAI_PREFIX=plain`).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""How an endpoint may be called: its name begins the ids of its models."""

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

SECONDS = validate.Range(min=0.001, max=86400.0)


def read_endpoints(env: Env, names: list[str]) -> dict[str, dict[str, Any]]:
    """The settings of each named endpoint, in their order; `openai` only with its extras.

    Raises ImproperlyConfigured with the variable's name and what is allowed.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        if not NAME.fullmatch(name):
            raise ImproperlyConfigured(
                f"ENDPOINTS has {name!r}; allowed are small letters, digits and inner hyphens."
            )
        if name in found or name in ("openai", "embedded"):
            raise ImproperlyConfigured(f"ENDPOINTS has {name!r}, which is the name of another one.")
        found[name] = _read(env, name)
    return {"openai": _extras(env, "openai"), **found}


def _read(env: Env, name: str) -> dict[str, Any]:
    prefix = _prefix(name)
    url: str = tidy_base_url(env.str(f"{prefix}_URL", ""))
    if not is_base_url(url):
        raise ImproperlyConfigured(
            f"{prefix}_URL is {url!r}; it is the address below which the endpoint has "
            "/chat/completions, as in https://api.example/v1."
        )
    models: list[str] = env.list(f"{prefix}_MODELS", [])
    if not models:
        raise ImproperlyConfigured(
            f"{prefix}_MODELS is not set; it lists the models to offer, with commas between them."
        )
    return {
        "base_url": url,
        "api_key": env.str(f"{prefix}_KEY", "").strip(),
        "models": models,
        "label": env.str(f"{prefix}_LABEL", ""),
        **_extras(env, name),
    }


def _extras(env: Env, name: str) -> dict[str, Any]:
    """What few endpoints need, and only where it is set."""
    prefix = _prefix(name)
    extras: dict[str, Any] = {
        "headers": _headers(f"{prefix}_HEADERS", env.list(f"{prefix}_HEADERS", [])),
        "prefix": env.str(
            f"{prefix}_PREFIX", "", validate=validate.OneOf(["", "plain", "vllm", "flag"])
        ),
        "max_tokens_name": env.str(
            f"{prefix}_MAX_TOKENS_NAME",
            "",
            validate=validate.OneOf(["", "max_tokens", "max_completion_tokens"]),
        ),
        "key_header": env.str(
            f"{prefix}_KEY_HEADER", "", validate=validate.OneOf(["", "authorization", "api-key"])
        ),
        "api_version": env.str(f"{prefix}_API_VERSION", ""),
        "path": env.str(f"{prefix}_PATH", "", validate=validate.Regexp(r"^(/(?!/)[\w{}./-]+)?$")),
        "context": env.int(f"{prefix}_CONTEXT", None, validate=validate.Range(min=256)),
        "connect_timeout": env.float(f"{prefix}_CONNECT_TIMEOUT", None, validate=SECONDS),
        "first_token_timeout": env.float(f"{prefix}_FIRST_TOKEN_TIMEOUT", None, validate=SECONDS),
        "idle_timeout": env.float(f"{prefix}_IDLE_TIMEOUT", None, validate=SECONDS),
    }
    return {key: value for key, value in extras.items() if value}


def _headers(variable: str, pairs: list[str]) -> tuple[tuple[str, str], ...]:
    """`Name=value` pairs. A wrong one is told by its place alone: values are secrets."""
    found = []
    for place, pair in enumerate(pairs, 1):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not (equals and HEADER_NAME.fullmatch(name) and value.isascii() and value.isprintable()):
            raise ImproperlyConfigured(
                f"{variable}: item {place} is not Name=value, as in X-Title=Parley,X-Team=chat."
            )
        found.append((name, value))
    return tuple(found)


def _prefix(name: str) -> str:
    return f"ENDPOINT_{name.upper().replace('-', '_')}"


def tidy_base_url(url: str) -> str:
    """An address as it is meant: people also paste the whole one of the completions."""
    return url.strip().rstrip("/").removesuffix("/chat/completions").rstrip("/")


def is_base_url(url: str) -> bool:
    """Whether this is `http(s)://host[:port][/path]`, without a name, password or query."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises for one that is no number
    except ValueError:
        return False
    # urlsplit overlooks line breaks, and takes blanks for a part of the name.
    plain = url.isprintable() and not set(url) & set(" ?#") and "@" not in parts.netloc
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain
