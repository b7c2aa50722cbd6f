"""Frames and settings of a client, parsed without I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec

from chat.protocol.objects import Settings, Shape
from chat.protocol.positions import MOST, Position
from chat.protocol.sentences import NOT_JSON, NOT_TEXT
from chat.protocol.server_frames import error
from chat.sentence import Sentence

DEPTH = 16

Model = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


class BadFrame(Exception):
    """A frame the server refuses; `frame()` is the answer to it."""

    def __init__(self, code: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def frame(self, said: str = "") -> str:
        """The `error` frame, with the message as it is said to this client."""
        return error(self.code, said or self.message, **self.facts)


# --- frames of clients ------------------------------------------------------------------------


class _Frame(Shape, frozen=True, forbid_unknown_fields=True):
    large: ClassVar[bool] = False
    """True if the frame carries a message, and may have its size."""


class Send(_Frame, frozen=True):
    large = True
    id: UUID
    text: str
    conversation: UUID | None
    parent: UUID | None
    model: Model | None = None
    settings: Settings | None = None
    temporary: bool = False


class Continue(_Frame, frozen=True):
    id: UUID
    reply: UUID
    model: Model | None = None


class Edit(_Frame, frozen=True):
    large = True
    id: UUID
    message: UUID
    text: str
    model: Model | None = None


class Regenerate(_Frame, frozen=True):
    id: UUID
    reply: UUID
    model: Model | None = None


class Withdraw(_Frame, frozen=True):
    id: UUID
    message: UUID


class Stop(_Frame, frozen=True):
    reply: UUID


class Follow(_Frame, frozen=True):
    reply: UUID
    attempt: Count = 0
    text: Count = 0
    reasoning: Count = 0

    @property
    def position(self) -> Position:
        return Position(self.attempt, self.text, self.reasoning)


class Unfollow(_Frame, frozen=True):
    reply: UUID


class Show(_Frame, frozen=True):
    conversation: UUID | None


class Ack(_Frame, frozen=True):
    reply: UUID
    attempt: Count
    text: Count
    reasoning: Count

    @property
    def position(self) -> Position:
        return Position(self.attempt, self.text, self.reasoning)


class Ping(_Frame, frozen=True):
    n: Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]


Command = Send | Edit | Regenerate | Continue | Withdraw
"""Frames that are carried out once per id, and answered with `accepted`."""

ClientFrame = Command | Stop | Follow | Unfollow | Show | Ack | Ping

FRAMES: dict[str, type[ClientFrame]] = {
    "send": Send,
    "edit": Edit,
    "regenerate": Regenerate,
    "continue": Continue,
    "withdraw": Withdraw,
    "stop": Stop,
    "follow": Follow,
    "unfollow": Unfollow,
    "show": Show,
    "ack": Ack,
    "ping": Ping,
}


def clean(text: str) -> str:
    """Text without characters that no database takes: NUL and lone surrogates."""
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        # JSON may write one character as two escaped surrogates: joined first, then cleaned.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return text


def parse(raw: str | bytes, *, control_bytes: int, message_bytes: int) -> ClientFrame:
    """The frame a client sent. Raises `BadFrame` with its fault and field.

    Sizes are in bytes of UTF-8.
    """
    if isinstance(raw, bytes):
        raise BadFrame("bad_json", Sentence("A frame is a text message with one JSON object."))
    size = len(raw) if raw.isascii() else len(raw.encode("utf-8", "surrogatepass"))
    if size > max(message_bytes, control_bytes):
        raise BadFrame(
            "too_large",
            Sentence("A frame has at most {message_bytes} bytes.", message_bytes=message_bytes),
        )
    value = _object(raw)
    kind = value.pop("type", None)
    struct = FRAMES.get(kind) if isinstance(kind, str) else None
    if struct is None:
        message = Sentence("There is no frame of this type.")
        raise BadFrame("unknown_type", message, field="type", **_about(value))
    if not struct.large and size > control_bytes:
        message = Sentence(
            "A {kind} frame has at most {control_bytes} bytes.",
            kind=kind,
            control_bytes=control_bytes,
        )
        raise BadFrame("too_large", message, **_about(value))
    return _convert(value, struct)


def parse_body(kind: str, raw: bytes, *, limit: int, **fixed: object) -> ClientFrame:
    """The same frame as the body of an HTTP request: without `type`, at most `limit` bytes.

    `fixed` are the fields that the URL gives (None where it does not); the body must not have
    them. No body at all is one without fields.
    """
    if len(raw) > limit:
        raise BadFrame("too_large", Sentence("A body has at most {limit} bytes.", limit=limit))
    try:
        value = _object(raw.decode("utf-8-sig") or "{}")  # some write a byte order mark
    except UnicodeDecodeError:
        raise BadFrame("bad_json", Sentence("A body is JSON in UTF-8.")) from None
    given = {name: str(item) for name, item in fixed.items() if item is not None}
    for name in fixed:
        if name in value:
            about = _about(value | given)
            raise BadFrame("bad_field", Sentence("The URL says this already."), field=name, **about)
    return _convert(value | given, FRAMES[kind])


def _object(raw: str) -> dict[str, Any]:
    if _depth(raw) > DEPTH:
        raise BadFrame(
            "too_deep", Sentence("A frame is nested at most {depth} levels deep.", depth=DEPTH)
        )
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadFrame("bad_json", NOT_JSON) from None
    if not isinstance(value, dict):
        raise BadFrame("bad_json", Sentence("A frame is a JSON object."))
    return value


def _convert(value: dict[str, Any], struct: type[ClientFrame]) -> ClientFrame:
    about = _about(value)
    try:
        frame = msgspec.convert(value, struct)
    except msgspec.ValidationError as problem:
        field, message = _explain(problem)
        raise BadFrame("bad_field", message, field=field, **about) from None
    except UnicodeEncodeError:
        field, message = _unsound(value), NOT_TEXT
        raise BadFrame("bad_field", message, field=field, **about) from None
    if isinstance(frame, Send | Edit):
        text = clean(frame.text)
        if not text.strip():
            raise BadFrame("bad_field", Sentence("The text is empty."), field="text", **about)
        frame = msgspec.structs.replace(frame, text=text)
    return frame


def settings_object(settings: Settings | None) -> dict[str, Any] | None:
    """The settings as they are stored: without absent ones, and with text for any database."""
    if settings is None:
        return None
    known: dict[str, Any] = msgspec.to_builtins(settings)
    if system := clean(known.pop("system", "")).strip():
        known["system"] = system
    return known


def parse_settings(value: object) -> dict[str, Any] | None:
    """Settings as a client of the JSON API sent them; `BadFrame` names the wrong field."""
    try:
        return settings_object(msgspec.convert(value, Settings))
    except msgspec.ValidationError as problem:
        field, message = _explain(problem)
        where = f"settings.{field}" if field else "settings"
        raise BadFrame("bad_field", message, field=where) from None
    except UnicodeEncodeError:
        raise BadFrame("bad_field", NOT_TEXT, field="settings") from None


def ids_in(raw: str | None) -> dict[str, object]:
    """The ids in a frame that could not be parsed."""
    try:
        value = json.loads(raw or "")
    except (ValueError, RecursionError):
        return {}
    return _about(value) if isinstance(value, dict) else {}


def _about(value: Mapping[str, Any]) -> dict[str, object]:
    """The ids by which a client recognises the subject of an error, where they are well formed."""
    about: dict[str, object] = {}
    for key in ("id", "reply"):
        try:
            about[key] = str(UUID(value[key]))
        except (KeyError, ValueError, TypeError, AttributeError):
            continue
    return about


def _explain(problem: msgspec.ValidationError) -> tuple[str | None, str]:
    """The field, and one sentence without anything the client sent."""
    text = str(problem)
    found = re.search(r"- at `\$\.([^`]{0,80})`", text)
    path = found[1] if found else None
    if unknown := re.search(r"unknown field `([^`]{0,80})`", text):
        within = f"{path}." if path else ""
        return within + clean(unknown[1]), Sentence("There is no such field.")
    if missing := re.search(r"missing required field `([^`]+)`", text):
        return missing[1], Sentence("This field is required.")
    reason = text.split(" - at ")[0].rstrip(".")
    return path, f"{reason}."


def _unsound(value: Mapping[str, Any]) -> str | None:
    """The first field with a lone surrogate in its name, or in a value that is no message."""
    for key, item in value.items():
        if clean(key) != key or (key != "text" and isinstance(item, str) and clean(item) != item):
            return clean(key)
    return None


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _depth(raw: str) -> int:
    """Depth of a frame's nesting (0 if it cannot be too deep), without recursion.

    Brackets within strings are not counted.
    """
    if raw.count("[") + raw.count("{") <= DEPTH:
        return 0
    depth = deepest = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', raw):
        sign = token[0][0]
        if sign in "[{":
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > DEPTH:
                    return deepest
        elif sign in "]}":
            depth -= 1
    return deepest
