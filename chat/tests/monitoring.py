"""Asking as monitors do: by plain HTTP, in this process or of a running server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from chatproject.asgi import application


@dataclass(frozen=True)
class Told:
    status: int
    headers: dict[str, str]
    body: str = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def sample(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name with at least these labels; 0 without any."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.body)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


async def ask_here(path: str, method: str = "GET", **headers: str) -> Told:
    """Of this process's own ASGI application."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        raise AssertionError("nothing has to be read")

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw}
    await application(scope, receive, send)
    start, body = sent
    found = {name.decode().title(): value.decode() for name, value in start["headers"]}
    return Told(start["status"], found, body["body"].decode())


def ask(origin: str, path: str, **headers: str) -> Told:
    """Of a server; redirects count as answers."""
    request = urllib.request.Request(origin + path, headers=headers)
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=10) as answer:
            return Told(answer.status, dict(answer.headers), answer.read().decode())
    except urllib.error.HTTPError as refused:
        return Told(refused.code, dict(refused.headers), refused.read().decode())


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None
