"""Building of a request: address, headers and body. No I/O."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

import httpx2

from chat.address_parts import has_dot_segments
from chat.endpoint import OPTIONS, EndpointConfig, WrongValue, clean_value
from chat.upstream.chat_request import ChatRequest
from chat.upstream.errors import UpstreamError
from chat.upstream.overlap import split_space
from chat.upstream.scrubbing import scrub
from chat.upstream.tracks import clean


def address(endpoint: EndpointConfig) -> tuple[httpx2.URL, dict[str, str]]:
    """The base URL without user and query, and the query of every request.

    Raises httpx2.InvalidURL.
    """
    url = httpx2.URL(endpoint.base_url)
    query = dict(url.params.items())
    if endpoint.api_version:
        query["api-version"] = endpoint.api_version
    return url.copy_with(query=None, username=None, password=None), query


def completions_path(endpoint: EndpointConfig, model: str) -> str:
    """The path below the base URL to ask for a completion.

    Raises UpstreamError for a model whose name would lead out of it.
    """
    if "{model}" not in endpoint.path:
        return endpoint.path
    if has_dot_segments(clean(model)):
        detail = "The model's name has a part that is `.` or `..`."
        raise UpstreamError("unknown_model", endpoint.label, detail=detail)
    return endpoint.path.replace("{model}", quote(clean(model), safe=""))


def models_path(endpoint: EndpointConfig) -> str:
    """The path of the list of models, which lies beside that of the completions."""
    before, named, _ = endpoint.path.partition("{model}")
    if named:
        # The directory of deployments has no list of its own in a resource of Azure.
        parent = before.rstrip("/").removesuffix("/deployments")
    else:
        parent = endpoint.path.rstrip("/").rpartition("/")[0].removesuffix("/chat")
    return f"{parent}/models"


def headers(endpoint: EndpointConfig) -> dict[str, str]:
    """The headers that carry the key, and the extra ones. Names are in small letters.

    Raises UpstreamError where one of them cannot be sent.
    """
    key, name = endpoint.api_key, endpoint.label
    if not _fits(key):
        detail = "The key has characters that no header can carry."
        raise UpstreamError("refused_key", name, detail=detail)
    basic = _basic(endpoint.base_url)
    sent = {"authorization": basic} if basic else {}
    if key and endpoint.key_header == "authorization":
        sent["authorization"] = f"Bearer {key}"
    elif key:
        sent[endpoint.key_header] = key
    try:
        extra = clean_value("headers", endpoint.headers)
    except WrongValue as wrong:
        detail = scrub(str(wrong), endpoint.secrets)
        raise UpstreamError("bad_header", name, detail=detail) from None
    sent |= {header.lower(): value for header, value in extra}
    return sent


@lru_cache(maxsize=256)
def _basic(base_url: str) -> str:
    """The header for a user and password within the URL, or ""."""
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL:
        return ""
    if not (url.username or url.password):
        return ""
    pair = f"{unquote(url.username)}:{unquote(url.password)}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _fits(value: str) -> bool:
    return value.isascii() and (value.isprintable() or value.replace("\t", "").isprintable())


def body(
    endpoint: EndpointConfig, request: ChatRequest, *, asks_usage: bool, streamed: bool = True
) -> dict[str, Any]:
    """The body of a request for a completion."""
    messages: list[dict[str, Any]] = [
        {key: clean(value) if isinstance(value, str) else value for key, value in one.items()}
        for one in request.messages
    ]
    made: dict[str, Any] = {"model": clean(request.model), "messages": messages}
    made["stream"] = streamed
    if asks_usage:
        made["stream_options"] = {"include_usage": True}
    if request.prefix:
        messages[-1]["content"] = split_space(messages[-1]["content"])[0]
        if endpoint.prefix == "flag":
            messages[-1]["prefix"] = True
        elif endpoint.prefix == "vllm":
            made |= {"continue_final_message": True, "add_generation_prompt": False}
    return {**request.extra, **made, **settings(endpoint, request)}


def encode(body: dict[str, Any]) -> bytes:
    """A body as it is sent. Raises ValueError for values that JSON lacks."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def settings(endpoint: EndpointConfig, request: ChatRequest) -> dict[str, Any]:
    """The settings that the request has, under the names that the endpoint knows."""
    given: Mapping[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        endpoint.max_tokens_name: request.max_tokens,
        "reasoning_effort": request.reasoning_effort,
    }
    return {name: value for name, value in given.items() if value is not None}


def names_sent(endpoint: EndpointConfig, request: ChatRequest) -> tuple[str, ...]:
    """Names in the request that an endpoint may refuse."""
    prefix = ["prefix"] if request.prefix else []
    return (*settings(endpoint, request), *prefix, *request.extra)


def check(endpoint: EndpointConfig, request: ChatRequest) -> None:
    """Raise ValueError for a request that makes no sense at this endpoint."""
    for name, option in OPTIONS.items():
        if option.choices:
            option.clean(getattr(endpoint, name))
    if not request.prefix:
        return
    if not endpoint.prefix:
        raise ValueError("this endpoint continues no prefix")
    if not request.messages or request.messages[-1].get("role") != "assistant":
        raise ValueError("only an assistant's message can be continued")
