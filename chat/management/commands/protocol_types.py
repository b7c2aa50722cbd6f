"""Print the protocol as TypeScript types: `frontend/src/protocol.d.ts`."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from typing import Any, get_args

from django.core.management.base import BaseCommand

from chat import protocol
from chat.api.account import ChangesAnswer, ModelsAnswer
from chat.api.conversations import Listed, Single, Tree
from chat.api.folders import Folders, SingleFolder
from chat.api.frame_schemas import OneReply
from chat.api.problems import Problem
from chat.api.search import SearchAnswer
from chat.protocol.schemas import schemas

HEAD = "// Made by `manage.py protocol_types` from the server's structs. A test makes it again."
ANSWERS = (
    ChangesAnswer,
    Folders,
    Listed,
    ModelsAnswer,
    OneReply,
    Problem,
    SearchAnswer,
    Single,
    SingleFolder,
    Tree,
)
PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}


class Command(BaseCommand):
    help = "Print frames, objects and answers of the JSON API as TypeScript types."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(types(), ending="")


def types() -> str:
    """The content of `protocol.d.ts`."""
    said, asked = get_args(protocol.ServerFrame), protocol.FRAMES
    found = schemas(*said, *asked.values(), *ANSWERS)
    for kind, struct in asked.items():
        schema = found[struct.__name__]
        schema["properties"] = {"type": {"enum": [kind]}} | schema["properties"]
        schema["required"] = ["type", *schema["required"]]
    found["ServerFrame"] = {"anyOf": [{"$ref": struct.__name__} for struct in said]}
    found["ClientFrame"] = {"anyOf": [{"$ref": struct.__name__} for struct in asked.values()]}
    lines = [line for name in sorted(found) for line in _declaration(name, found[name])]
    return "\n".join([HEAD, *lines, ""])


def _declaration(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield ""
    if "properties" not in schema:
        yield f"export type {name} = {_type(schema)};"
        return
    yield f"export interface {name} {{"
    for field, value in schema["properties"].items():
        if text := value.get("description"):
            yield f"  /** {text} */"
        optional = "" if field in schema["required"] else "?"
        yield f"  {field}{optional}: {_type(value)};"
    yield "}"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(dumps(value) for value in schema["enum"])
    if schema["type"] == "array":
        return f"Array<{_type(schema['items'])}>"
    return PLAIN.get(schema["type"]) or str(schema["type"])
