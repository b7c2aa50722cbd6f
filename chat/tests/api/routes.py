"""Every route and method of both APIs, and how each caller is answered there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CALLERS = (
    "nobody",
    "a stranger",
    "staff",
    "the owner",
    "the owner without CSRF",
    "a revoked token",
    "a token without the scope",
    "a token with the scope",
)
"""Callers without a token show a session cookie. The tokens are the owner's."""

type Statuses = tuple[int, int, int, int, int, int, int, int]

READS: Statuses = (401, 200, 200, 200, 200, 401, 403, 200)
OWN: Statuses = (401, 404, 404, 200, 200, 401, 403, 200)
ANY_TOKEN: Statuses = (401, 200, 200, 200, 200, 401, 200, 200)


def own(ok: int) -> Statuses:
    """Changes what belongs to the owner."""
    return (401, 404, 404, ok, 403, 401, 403, ok)


def makes(ok: int) -> Statuses:
    """Makes something of the caller's own."""
    return (401, ok, ok, ok, 403, 401, 403, ok)


def token_only(ok: int) -> Statuses:
    """A cookie counts for nothing, as for OpenAI."""
    return (401, 401, 401, 401, 401, 401, 403, ok)


@dataclass(frozen=True)
class Rule:
    scopes: str
    statuses: Statuses
    query: str = ""
    body: dict[str, Any] | None = None
    reply: dict[str, Any] = field(default_factory=dict)
    """The state of the reply; complete by default."""


ID = "7d5e3c1e-6f5b-4a58-9a3e-3f8a5f0d9c11"
STOPPED = {"status": "stopped", "finish_reason": ""}
WAITING = {"status": "queued", "text": "", "finish_reason": ""}

# In queries and bodies, {conversation}, {question} and {reply} are ids of the owner's.
SEND = {"id": ID, "text": "And?", "conversation": "{conversation}", "parent": "{reply}"}
EDIT = {"id": ID, "text": "Better so."}

RULES: dict[tuple[str, str], Rule] = {
    ("GET", "api/v1/openapi.json"): Rule("read", ANY_TOKEN),
    ("GET", "api/v1/me"): Rule("read chat", READS),
    ("GET", "api/v1/models"): Rule("read chat", READS),
    ("GET", "api/v1/changes"): Rule("read", READS, "?since=0"),
    ("GET", "api/v1/usage"): Rule("read", READS),
    ("GET", "api/v1/conversations"): Rule("read", READS),
    ("POST", "api/v1/conversations"): Rule("chat", makes(201), body={"id": ID}),
    ("GET", "api/v1/conversations/<uid>"): Rule("read", OWN),
    ("PATCH", "api/v1/conversations/<uid>"): Rule("chat", own(200), body={"title": "Mine"}),
    ("DELETE", "api/v1/conversations/<uid>"): Rule("chat", own(204)),
    ("POST", "api/v1/conversations/actions"): Rule(
        "chat",
        makes(200),
        body={"id": ID, "action": "archive", "conversations": ["{conversation}"]},
    ),
    ("POST", "api/v1/conversations/<uid>/branch"): Rule(
        "chat", own(201), body={"id": ID, "message": "{reply}"}
    ),
    ("POST", "api/v1/conversations/<uid>/restore"): Rule("chat", own(200)),
    ("GET", "api/v1/conversations/<uid>/export"): Rule("export", OWN),
    ("PUT", "api/v1/pins"): Rule("chat", own(200), body={"conversations": ["{conversation}"]}),
    ("GET", "api/v1/folders"): Rule("read", READS),
    ("POST", "api/v1/folders"): Rule("chat", makes(201), body={"id": ID, "name": "Travel"}),
    ("PATCH", "api/v1/folders/<uid>"): Rule("chat", own(200), body={"name": "Journeys"}),
    ("DELETE", "api/v1/folders/<uid>"): Rule("chat", own(204)),
    ("POST", "api/v1/folders/<uid>/restore"): Rule("chat", own(200)),
    ("POST", "api/v1/search"): Rule("read", makes(200), body={"q": "haiku"}),
    ("POST", "api/v1/messages"): Rule("chat", own(202), body=SEND),
    ("PATCH", "api/v1/messages/<uid>"): Rule("chat", own(202), body=EDIT),
    ("DELETE", "api/v1/messages/<uid>"): Rule("chat", own(200), f"?id={ID}", reply=WAITING),
    ("GET", "api/v1/replies/<uid>"): Rule("read chat", OWN),
    ("GET", "api/v1/replies/<uid>/events"): Rule("read chat", OWN),
    ("POST", "api/v1/replies/<uid>/ticket"): Rule("read chat", own(200)),
    ("PUT", "api/v1/replies/<uid>/feedback"): Rule("chat", own(200), body={"thumb": "up"}),
    ("DELETE", "api/v1/replies/<uid>/feedback"): Rule("chat", own(204)),
    ("POST", "api/v1/replies/<uid>/stop"): Rule("chat", own(200)),
    ("POST", "api/v1/replies/<uid>/regenerate"): Rule("chat", own(202), body={"id": ID}),
    ("POST", "api/v1/replies/<uid>/continue"): Rule(
        "chat", own(202), body={"id": ID}, reply=STOPPED
    ),
    ("GET", "v1/models"): Rule("read chat", token_only(200)),
    ("GET", "v1/models/<path:id>"): Rule("read chat", token_only(200)),
    ("GET", "v1/chat/completions"): Rule("read chat", token_only(200)),
    ("GET", "v1/chat/completions/chatcmpl-<str:id>"): Rule("read chat", token_only(200)),
    ("POST", "v1/chat/completions/chatcmpl-<str:id>"): Rule("chat", token_only(200), body={}),
    ("DELETE", "v1/chat/completions/chatcmpl-<str:id>"): Rule("chat", token_only(200)),
    ("GET", "v1/chat/completions/chatcmpl-<str:id>/messages"): Rule("read chat", token_only(200)),
    ("POST", "v1/chat/completions"): Rule("chat", token_only(400), body={}),  # lacks messages
}
