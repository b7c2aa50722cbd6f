"""docs/protocol.md shows every frame as it is: its examples go through the parser and builders."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args
from uuid import uuid4

import msgspec
import pytest

from chat import protocol
from chat.commands import STATUS, greeting
from chat.models.messages import Message

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "protocol.md").read_text()
CLIENT, SERVER = PAGE.split("## Frames of the server")
EXAMPLES = [
    (side, raw)
    for side, text in (("client", CLIENT), ("server", SERVER))
    for raw in re.findall(r"```json\n(.*?)\n```", text, flags=re.DOTALL)
]
SAID_BY_CLIENT = [raw for side, raw in EXAMPLES if side == "client" and '"ready"' not in raw]
SAID_BY_SERVER = [raw for side, raw in EXAMPLES if side == "server" or '"ready"' in raw]


NOW = datetime(2026, 11, 21, tzinfo=UTC)


def row(**fields: Any) -> Any:
    """A stored message with every field a frame may tell of."""
    values = {field.attname: field.get_default() for field in Message._meta.concrete_fields}
    parent = SimpleNamespace(uid=uuid4())
    related = {"conversation": parent, "parent": parent, "shown_cost": None}
    return SimpleNamespace(**values | related | {"created": NOW} | fields)


def built() -> dict[str, list[list[str]]]:
    """The fields of what the builders build, by type."""
    uid = uuid4()
    chat: Any = SimpleNamespace(
        uid=uid,
        title="",
        model="",
        settings={},
        leaf=None,
        created=NOW,
        updated=NOW,
        running=True,
        archived=False,
        source="",
        seq=1,
        folder_id=None,
        pinned=0,
        branched_conversation=None,
        branched_message=None,
        temporary=False,
    )
    folder: Any = SimpleNamespace(uid=uid, name="", created=NOW, seq=1)
    frames = [
        protocol.encode(protocol.ReadyFrame(**msgspec.structs.asdict(greeting(1, "alice", 1)))),
        protocol.encode(protocol.AcceptedFrame(uid, uid, uid, uid)),
        protocol.encode(protocol.StatusFrame(uid, 1, "queued", None, None, None, "")),
        protocol.encode(protocol.SnapshotFrame(uid, 1, "running", "", "")),
        protocol.encode(protocol.DeltaFrame(uid, 1, "text", 0, "x")),
        protocol.end(row()),
        protocol.conversation_frame("created", 1, chat),
        protocol.message_frame("created", 1, row()),
        protocol.message_frame("created", 1, row(status="queued")),
        protocol.folder_frame("created", 1, folder),
        protocol.error("bad_field", "", field="text", id=str(uid)),
        protocol.encode(protocol.PingFrame(1)),
        protocol.encode(protocol.PongFrame(1)),
    ]
    found: dict[str, list[list[str]]] = {}
    for frame in map(json.loads, frames):
        found.setdefault(frame["type"], []).append(fields_of(frame))
    return found


def fields_of(frame: dict[str, Any]) -> list[str]:
    """Names of the fields in their order, and of those of the objects in them."""
    names = list(frame)
    for kind in ("conversation", "message", "folder", "user", "limits"):
        if isinstance(frame.get(kind), dict):
            names += [f"{kind}.{name}" for name in frame[kind]]
    return names


@pytest.mark.parametrize("raw", SAID_BY_CLIENT)
def test_what_a_client_says_is_understood(raw: str) -> None:
    frame = protocol.parse(raw, control_bytes=64 * 1024, message_bytes=512 * 1024)
    assert protocol.FRAMES[json.loads(raw)["type"]] is type(frame)


def test_each_frame_of_a_client_has_an_example() -> None:
    assert {json.loads(raw)["type"] for raw in SAID_BY_CLIENT} == set(protocol.FRAMES)


@pytest.mark.parametrize("raw", SAID_BY_SERVER)
def test_what_the_server_says_has_the_fields_of_the_example(raw: str) -> None:
    example = json.loads(raw)
    assert fields_of(example) in built()[example["type"]]


def test_each_frame_of_the_server_has_an_example() -> None:
    said = {json.loads(raw)["type"] for raw in SAID_BY_SERVER}
    assert said == {frame.__struct_config__.tag for frame in get_args(protocol.ServerFrame)}
    assert said == set(built())


def test_each_error_code_is_documented_with_its_status() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| .+ \| (\d+) \|$", SERVER, flags=re.MULTILINE)
    assert {code: int(status) for code, status in rows} == STATUS


def test_each_error_code_in_the_code_has_a_status() -> None:
    package = Path(protocol.__file__).parent
    files = [*package.glob("*.py"), *package.parent.glob("*.py")]
    code = "".join(file.read_text() for file in files)
    used = set(re.findall(r'(?:BadFrame|protocol\.error)\(\s*"([a-z_]+)"', code))
    assert {"bad_field", "not_found", "rate_limited"} <= used <= set(STATUS)
