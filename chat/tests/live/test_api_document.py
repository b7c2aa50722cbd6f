"""The OpenAPI document held against a running Parley, by schemathesis.

Whatever the document allows, or forbids, is asked for; nothing may be answered with a 500, or with
a status, a content type or an object that the document does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from chat.api import api
from chat.api.document import document
from chat.models.tokens import Scope
from chat.tests.live.conftest import MakeServer
from chat.tests.live.server import SHORT, Server

type Operation = APIOperation[Any, Any, Any, Any]

EXAMPLES = 8
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

# These need a conversation and a model that are there, or a reply that waits, has ended or was
# stopped.
HARD_TO_HIT = {
    "POST /api/v1/conversations/{uid}/branch",
    "PUT /api/v1/replies/{uid}/feedback",
    "POST /api/v1/folders/{uid}/restore",
    "POST /api/v1/messages",
    "DELETE /api/v1/messages/{uid}",
    "POST /api/v1/replies/{uid}/continue",
}

schema = schemathesis.openapi.from_dict(document(api, "/api/v1/"))
OPERATIONS: list[Operation] = [cast(Any, found).ok() for found in schema.get_all_operations()]


@pytest.fixture
def server(make_server: MakeServer) -> Server:
    server = make_server(FRAMES_PER_MINUTE="100000")
    server.start()
    return server


@pytest.fixture
def headers(server: Server) -> dict[str, str]:
    """Alice's token."""
    alice = server.database.add_person("alice")
    token = server.database.add_token(alice, *Scope.values)
    return {"Authorization": f"Bearer {token}"}


def test_every_answer_is_as_documented(server: Server, headers: dict[str, str]) -> None:
    answered: dict[str, set[int]] = {}
    for operation in OPERATIONS:
        statuses = answered[operation.label] = set()
        for mode in GenerationMode:
            for uid in known(server, headers, operation):
                statuses |= _hold(server, headers, operation, mode, uid)
    refused = {label for label, statuses in answered.items() if min(statuses) >= 400}
    assert refused <= HARD_TO_HIT


def known(server: Server, headers: dict[str, str], operation: Operation) -> Iterator[str | None]:
    """Any id; and where the address has one, also that of something that is there."""
    yield None
    if "{uid}" in operation.path:
        thing = operation.path.split("/")[3]
        if thing == "folders":
            yield _folder(server, headers)
            return
        chat = _send(server, headers)
        yield chat[{"conversations": "conversation", "messages": "message"}.get(thing, "reply")]


def _send(server: Server, headers: dict[str, str]) -> dict[str, str]:
    body = {"id": str(uuid4()), "text": "Hi.", "conversation": None, "parent": None}
    body |= {"model": f"openai/{SHORT}"}
    answer = requests.post(
        f"{server.origin}/api/v1/messages", json=body, headers=headers, timeout=30
    )
    accepted: dict[str, str] = answer.json()
    return accepted


def _folder(server: Server, headers: dict[str, str]) -> str:
    body = {"id": str(uuid4()), "name": "Drafts"}
    answer = requests.post(
        f"{server.origin}/api/v1/folders", json=body, headers=headers, timeout=30
    )
    made: str = answer.json()["folder"]["id"]
    return made


def _hold(
    server: Server,
    headers: dict[str, str],
    operation: Operation,
    mode: GenerationMode,
    uid: str | None,
) -> set[int]:
    """The statuses of what was answered; fails where something is not as documented."""
    fixed: Any = {} if uid is None else {"path_parameters": {"uid": uid}}
    checks = CHECKS if mode is GenerationMode.POSITIVE else [*CHECKS, negative_data_rejection]

    @given(case=operation.as_strategy(mode, **fixed))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def held(case: Case[Any]) -> None:
        answer = case.call_and_validate(base_url=server.origin, headers=headers, checks=checks)
        statuses.add(answer.status_code)

    statuses: set[int] = set()
    held()
    return statuses
