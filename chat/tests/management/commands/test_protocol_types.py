"""The page's types: made from the server's structs, and committed as they are made."""

from __future__ import annotations

import re
from pathlib import Path

from chat.management.commands.protocol_types import types

FRONTEND = Path(__file__).resolve().parents[4] / "frontend"
COMMITTED = (FRONTEND / "src" / "protocol.d.ts").read_text()


def test_the_types_of_the_page_are_those_of_the_structs() -> None:
    assert types() == COMMITTED, "run `make types`"


def test_each_type_that_is_named_is_declared() -> None:
    bare = re.sub(r"/\*\*.*?\*/|//.*|\"[^\"]*\"", "", COMMITTED)
    named = set(re.findall(r"\b[A-Z]\w+", bare)) - {"Array"}
    assert named == set(re.findall(r"^export (?:interface|type) (\w+)", bare, re.MULTILINE))


def test_a_field_that_may_be_left_out_is_optional() -> None:
    reply = COMMITTED.partition("export interface ReplyObject {")[2].partition("}")[0]
    assert "  text?: string;" in reply
    assert "  finish_reason: string | null;" in reply
