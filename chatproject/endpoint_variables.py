"""Endpoints that are named in the environment: `ENDPOINTS=groq,azure` and `ENDPOINT_GROQ_…`.

    ENDPOINTS=groq
    ENDPOINT_GROQ_URL=https://api.groq.com/openai/v1
    ENDPOINT_GROQ_KEY=gsk_…
    ENDPOINT_GROQ_MODELS=llama-3.3-70b-versatile,openai/gpt-oss-120b

Each option of an endpoint is a variable, too: docs/endpoints.md has a table of all of them.
`OPENAI_BASE_URL` names the endpoint `openai`, which takes options (`ENDPOINT_OPENAI_PREFIX=plain`).
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from chat.endpoint import OPTIONS, Option, WrongValue, clean_value
from chatproject.environment import Environment, wrong_value


def read_endpoints(env: Environment, names: list[str]) -> dict[str, dict[str, Any]]:
    """The values of each named endpoint, in their order; `openai` only with its options.

    Raises ImproperlyConfigured with the variable's name and the allowed values.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        try:
            clean_value("name", name)
        except WrongValue as wrong:
            raise ImproperlyConfigured(f"ENDPOINTS has {name!r}. {wrong}") from None
        if name in found or name in ("openai", "embedded"):
            raise ImproperlyConfigured(
                f"ENDPOINTS has {name!r}, which is the name of another one; allowed is each once."
            )
        found[name] = _read(env, name)
    return {"openai": _options(env, "openai"), **found}


def read_base_url(env: Environment, variable: str) -> str:
    """The tidied address that a variable has, empty where there is none."""
    url = env.text(variable)
    return _clean(variable, "base_url", url) if url else ""


def read_model_id(env: Environment, variable: str) -> str:
    """The public id of a model that a variable has, empty where there is none."""
    model = env.text(variable)
    endpoint, slash, name = model.partition("/")
    if model and not (endpoint and slash and name):
        raise wrong_value(variable, model, "is an endpoint and a model, as in openai/gpt-5-mini")
    return model


def _read(env: Environment, name: str) -> dict[str, Any]:
    prefix = _prefix(name)
    url = read_base_url(env, f"{prefix}_URL")
    if not url:
        raise ImproperlyConfigured(
            f"{prefix}_URL is not set; allowed is an address as in https://api.example/v1 "
            "(ENDPOINTS names this endpoint)."
        )
    models = env.items(f"{prefix}_MODELS")
    if not models:
        raise ImproperlyConfigured(
            f"{prefix}_MODELS is not set; allowed are the models to offer, with commas between "
            "them (ENDPOINTS names this endpoint)."
        )
    label = env.text(f"{prefix}_LABEL")
    return {
        "base_url": url,
        "api_key": _clean(f"{prefix}_KEY", "api_key", env.text(f"{prefix}_KEY")),
        "models": models,
        "label": _clean(f"{prefix}_LABEL", "label", label) if label else "",
        **_options(env, name),
    }


def _options(env: Environment, name: str) -> dict[str, Any]:
    """Headers, context and options, and only those that are set."""
    prefix = _prefix(name)
    found: dict[str, Any] = {}
    if pairs := env.items(f"{prefix}_HEADERS"):
        found["headers"] = _clean(f"{prefix}_HEADERS", "headers", map(_pair, pairs))
    if context := env.number_if_set(f"{prefix}_CONTEXT", minimum=256):
        found["context"] = context
    for field, option in OPTIONS.items():
        variable = f"{prefix}_{field.upper()}"
        value = _value(env, variable, option)
        if value is not None:
            found[field] = _clean(variable, field, value)
    return found


def _value(env: Environment, variable: str, option: Option) -> str | float | bool | None:
    """The value of an option, None where the variable is empty or not set."""
    if not (text := env.text(variable)):
        return None
    if isinstance(option.default, bool):
        return env.switch(variable, option.default)
    return env.seconds(variable, option.default) if isinstance(option.default, float) else text


def _pair(text: str) -> tuple[str, str]:
    """Name and value of `Name=value`; a name that is refused where there is no `=`."""
    name, equals, value = (part.strip() for part in text.partition("="))
    return (name, value) if equals else ("", value)


def _clean(variable: str, field: str, value: Any) -> Any:
    try:
        return clean_value(field, value)
    except WrongValue as wrong:
        raise ImproperlyConfigured(f"{variable}: {wrong}") from None


def _prefix(name: str) -> str:
    return f"ENDPOINT_{name.upper().replace('-', '_')}"
