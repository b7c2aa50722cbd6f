"""What is sent: the address, the headers and the body of a request. No I/O."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

import httpx2

from chat.upstream.endpoint import ChatRequest, Endpoint
from chat.upstream.errors import UpstreamError
from chat.upstream.prefix import part_end
from chat.upstream.scrubbing import scrub
from chat.upstream.tracks import clean

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_OURS = frozenset(
    [
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
"""Headers that frame the request; replaced, the endpoint would wait or misread it."""


def address(endpoint: Endpoint) -> tuple[httpx2.URL, dict[str, str]]:
    """The base URL without user and query, and the query of every request.

    Raises httpx2.InvalidURL.
    """
    url = httpx2.URL(endpoint.base_url)
    query = dict(url.params.items())
    if endpoint.api_version:
        query["api-version"] = endpoint.api_version
    return url.copy_with(query=None, username=None, password=None), query


def completions_path(endpoint: Endpoint, model: str) -> str:
    """The path below the base URL to ask for a completion."""
    return endpoint.path.replace("{model}", quote(clean(model), safe=""))


def models_path(endpoint: Endpoint) -> str:
    """The path of the list of models, which lies beside that of the completions."""
    before, named, _ = endpoint.path.partition("{model}")
    if named:
        # The directory of deployments has no list of its own in a resource of Azure.
        parent = before.rstrip("/").removesuffix("/deployments")
    else:
        parent = endpoint.path.rstrip("/").rpartition("/")[0].removesuffix("/chat")
    return f"{parent}/models"


def headers(endpoint: Endpoint) -> dict[str, str]:
    """The headers that carry the key, and the extra ones. Names are in small letters.

    Raises UpstreamError where one of them cannot be sent.
    """
    key, name = endpoint.api_key, endpoint.name
    if not _fits(key):
        detail = "The key has characters that no header can carry."
        raise UpstreamError("refused_key", name, detail=detail)
    sent = _basic(endpoint)
    if key and endpoint.key_header == "authorization":
        sent["authorization"] = f"Bearer {key}"
    elif key:
        sent[endpoint.key_header] = key
    for number, (header, value) in enumerate(endpoint.headers, 1):
        if _NAME.fullmatch(header) is None:
            detail = f"Header {number} has a name that no header can have."
            raise UpstreamError("bad_header", name, detail=detail)
        if header.lower() in _OURS:
            detail = f"The header {header.lower()} is not for you to set."
            raise UpstreamError("bad_header", name, detail=detail)
        if not _fits(value):
            words = f"The value of the header {header[:100]} has characters that none can carry."
            detail = scrub(words, endpoint.secrets)
            raise UpstreamError("bad_header", name, detail=detail)
        sent[header.lower()] = value
    return sent


def _basic(endpoint: Endpoint) -> dict[str, str]:
    """What a user and password within the URL mean."""
    try:
        url = httpx2.URL(endpoint.base_url)
    except httpx2.InvalidURL:
        return {}
    if not (url.username or url.password):
        return {}
    pair = f"{unquote(url.username)}:{unquote(url.password)}".encode()
    return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _fits(value: str) -> bool:
    return value.isascii() and (value.isprintable() or value.replace("\t", "").isprintable())


def body(endpoint: Endpoint, request: ChatRequest, *, asks_usage: bool) -> dict[str, Any]:
    """The body of a request for a completion."""
    messages: list[dict[str, Any]] = [
        {key: clean(value) if isinstance(value, str) else value for key, value in one.items()}
        for one in request.messages
    ]
    made: dict[str, Any] = {"model": clean(request.model), "messages": messages, "stream": True}
    if asks_usage:
        made["stream_options"] = {"include_usage": True}
    if request.prefix:
        messages[-1]["content"] = part_end(messages[-1]["content"])[0]
        if endpoint.prefix == "flag":
            messages[-1]["prefix"] = True
        elif endpoint.prefix == "vllm":
            made |= {"continue_final_message": True, "add_generation_prompt": False}
    return {**request.extra, **made, **settings(endpoint, request)}


def settings(endpoint: Endpoint, request: ChatRequest) -> dict[str, Any]:
    """The settings that the request has, under the names that the endpoint knows."""
    given: Mapping[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        endpoint.max_tokens_name: request.max_tokens,
        "reasoning_effort": request.reasoning_effort,
    }
    return {name: value for name, value in given.items() if value is not None}


def names_sent(endpoint: Endpoint, request: ChatRequest) -> tuple[str, ...]:
    """What of the request an endpoint may refuse by name."""
    prefix = ["prefix"] if request.prefix else []
    return (*settings(endpoint, request), *prefix, *request.extra)


def check(endpoint: Endpoint, request: ChatRequest) -> None:
    """Raise ValueError for a request that makes no sense at this endpoint."""
    if not request.prefix:
        return
    if not endpoint.prefix:
        raise ValueError("this endpoint continues no prefix")
    if not request.messages or request.messages[-1].get("role") != "assistant":
        raise ValueError("only an assistant's message can be continued")
