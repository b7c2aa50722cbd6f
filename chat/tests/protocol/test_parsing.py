"""Frames and settings of a client: every refusal names what is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import protocol
from chat.protocol import BadFrame
from chat.protocol.parsing import ids_in
from chat.protocol.positions import START, Position

CONTROL, MESSAGE = 1000, 4000
ID = str(uuid4())


def parse(raw: str | bytes) -> protocol.ClientFrame:
    return protocol.parse(raw, control_bytes=CONTROL, message_bytes=MESSAGE)


def send(**changes: object) -> dict[str, object]:
    return {
        "type": "send",
        "id": ID,
        "conversation": None,
        "parent": None,
        "text": "Hello",
    } | changes


def refusal(raw: str | bytes) -> BadFrame:
    with pytest.raises(BadFrame) as caught:
        parse(raw)
    answer = json.loads(caught.value.frame())
    assert answer["type"] == "error"
    assert answer["message"]
    return caught.value


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        "nonsense",
        "[]",
        "null",
        "7",
        '"text"',
        b"\x00\x01",
        '{"type": "ping", "n": NaN}',
        '{"type": "ping", "n": ' + "9" * 900 + "x}",
        "\ud800",
    ],
)
def test_what_is_not_a_json_object_is_bad_json(raw: str | bytes) -> None:
    assert refusal(raw).code == "bad_json"


def test_an_integer_too_long_for_python_is_refused() -> None:
    raw = '{"type": "ping", "n": ' + "9" * 5000 + "}"
    with pytest.raises(BadFrame) as caught:
        protocol.parse(raw, control_bytes=10_000, message_bytes=10_000)
    assert caught.value.code == "bad_json"


@pytest.mark.parametrize("opening", ["[", '{"a":', "[{}, "])
def test_deep_nesting_is_refused_without_recursion(opening: str) -> None:
    with pytest.raises(BadFrame) as caught:
        protocol.parse(opening * 200_000, control_bytes=10**7, message_bytes=10**7)
    assert caught.value.code == "too_deep"


def test_brackets_within_a_text_are_not_nesting() -> None:
    frame = parse(json.dumps(send(text='[[[["\\"[[[[' * 20)))
    assert isinstance(frame, protocol.Send)


def test_an_unclosed_string_of_brackets_is_bad_json() -> None:
    assert refusal('{"type": "' + "[" * 500).code == "bad_json"


def test_sizes_are_bytes_and_only_messages_may_be_large() -> None:
    assert refusal(json.dumps(send(text="x" * MESSAGE))).code == "too_large"
    assert isinstance(parse(json.dumps(send(text="x" * 2 * CONTROL))), protocol.Send)
    large_stop = {"type": "stop", "reply": ID, "padding": "é" * CONTROL}
    error = refusal(json.dumps(large_stop, ensure_ascii=False))
    assert error.code == "too_large"
    assert error.facts["reply"] == ID


@pytest.mark.parametrize("kind", [None, 7, [], {}, "", "delta", "Send", "edits"])
def test_an_unknown_type_is_named(kind: object) -> None:
    error = refusal(json.dumps({"type": kind, "id": ID}))
    assert (error.code, error.facts["field"], error.facts["id"]) == ("unknown_type", "type", ID)
    assert refusal('{"n": 1}').code == "unknown_type"


@pytest.mark.parametrize("kind", ["send", "edit"])
def test_a_text_is_cleaned_and_not_empty(kind: str) -> None:
    frame: dict[str, object] = {"type": kind, "id": ID, "message": ID, "text": "a\0b"}
    if kind == "send":
        frame = send(text="a\0b")
    parsed = parse(json.dumps(frame))
    assert isinstance(parsed, protocol.Send | protocol.Edit)
    assert parsed.text == "ab"
    for empty in ("", " \n", "\0"):
        error = refusal(json.dumps(frame | {"text": empty}))
        assert (error.code, error.facts["field"], error.facts["id"]) == ("bad_field", "text", ID)


# --- the same frames as bodies of requests ----------------------------------------------------


def body(kind: str, raw: bytes, **fixed: object) -> protocol.ClientFrame:
    return protocol.parse_body(kind, raw, limit=CONTROL, **fixed)


def refused_body(kind: str, raw: bytes, **fixed: object) -> tuple[str, object]:
    with pytest.raises(BadFrame) as caught:
        body(kind, raw, **fixed)
    assert caught.value.message
    return caught.value.code, caught.value.facts.get("field")


def test_a_body_and_its_url_are_a_frame() -> None:
    raw = json.dumps({"id": ID, "text": "Hé"}).encode()
    assert body("edit", raw, message=UUID(ID)) == protocol.Edit(UUID(ID), UUID(ID), "Hé")
    assert body("withdraw", b"", message=ID, id=ID) == protocol.Withdraw(UUID(ID), UUID(ID))
    assert body("stop", b"", reply=ID) == protocol.Stop(UUID(ID))
    assert body("stop", b"{}", reply=ID) == protocol.Stop(UUID(ID))


def test_a_body_has_neither_a_type_nor_what_its_url_says() -> None:
    for name in ("type", "reply", "n"):
        raw = json.dumps({"id": ID, name: ID}).encode()
        assert refused_body("regenerate", raw, reply=ID) == ("bad_field", name)


def test_what_neither_body_nor_url_say_is_missing() -> None:
    assert refused_body("regenerate", b"", reply=ID) == ("bad_field", "id")
    assert refused_body("withdraw", b"", message=ID, id=None) == ("bad_field", "id")
    assert refused_body("withdraw", b"", message=ID, id="x") == ("bad_field", "id")
    assert refused_body("withdraw", b"", message="x", id=ID) == ("bad_field", "message")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "bad_json"),
        (b"[]", "bad_json"),
        (b" ", "bad_json"),
        (b"\xff\xfe{}", "bad_json"),
        (b"[" * 900, "too_deep"),
        (b'"' + b"x" * CONTROL, "too_large"),
    ],
)
def test_a_body_that_is_no_frame_is_refused(raw: bytes, code: str) -> None:
    assert refused_body("regenerate", raw, reply=ID) == (code, None)


def test_settings_have_only_what_is_set() -> None:
    frame = parse(json.dumps(send(settings={"temperature": 1, "system": "\0 ", "top_p": None})))
    assert isinstance(frame, protocol.Send)
    assert protocol.settings_object(frame.settings) == {"temperature": 1.0}
    plain = parse(json.dumps(send()))
    assert isinstance(plain, protocol.Send)
    assert protocol.settings_object(plain.settings) is None


def without(key: str) -> dict[str, object]:
    frame = send()
    del frame[key]
    return frame


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        (send(id="no uuid"), "id"),
        (send(id=7), "id"),
        (send(conversation=7), "conversation"),
        (send(parent="x"), "parent"),
        (send(text=None), "text"),
        (send(text=["Hello"]), "text"),
        (send(text=""), "text"),
        (send(text=" \n\t"), "text"),
        (send(text="\0\0"), "text"),
        (send(text="\ud800"), "text"),
        (send(model=7), "model"),
        (send(model="m" * 201), "model"),
        (send(model="own/\0"), "model"),
        (send(model="own/a\nb"), "model"),
        (send(extra=1), "extra"),
        (send(settings=[]), "settings"),
        (send(settings={"temperature": 3}), "settings.temperature"),
        (send(settings={"seed": 3}), "settings.seed"),
        (without("text"), "text"),
        (without("id"), "id"),
        (without("conversation"), "conversation"),
        ({"type": "stop"}, "reply"),
        ({"type": "stop", "reply": None}, "reply"),
        ({"type": "follow", "reply": ID, "text": -1}, "text"),
        ({"type": "follow", "reply": ID, "text": 1.5}, "text"),
        ({"type": "follow", "reply": ID, "text": True}, "text"),
        ({"type": "follow", "reply": ID, "attempt": "1"}, "attempt"),
        ({"type": "follow", "reply": ID, "attempt": 2**63}, "attempt"),
        ({"type": "follow", "reply": ID, "attempt": 2**200}, "attempt"),
        ({"type": "ack", "reply": ID, "attempt": 1, "text": 1}, "reasoning"),
        ({"type": "ping"}, "n"),
        ({"type": "ping", "n": "1"}, "n"),
        ({"type": "ping", "n": 2**60}, "n"),
    ],
)
def test_a_wrong_field_is_named(frame: dict[str, object], field: str) -> None:
    error = refusal(json.dumps(frame))
    assert (error.code, error.facts["field"]) == ("bad_field", field)


def test_a_refusal_repeats_nothing_the_client_sent() -> None:
    error = refusal(json.dumps(send(id="secret-words", model="m")))
    assert "secret-words" not in error.frame()


def test_text_is_cleaned_and_split_surrogates_are_joined() -> None:
    frame = parse(
        '{"type":"send","conversation":null,"parent":null,"id":"'
        + ID
        + r'","text":"a\u0000b\ud83d\ude00c\ud83dd"}'
    )
    assert isinstance(frame, protocol.Send)
    assert frame.text == "ab😀cd"


@given(st.text(alphabet=st.characters(codec=None)))
def test_clean_text_can_be_stored_anywhere(text: str) -> None:
    cleaned = protocol.clean(text)
    assert "\0" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert protocol.clean(cleaned) == cleaned


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_clean_changes_nothing_that_is_fine(text: str) -> None:
    assert protocol.clean(text) == text.replace("\0", "")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_a_frame_or_a_refusal(value: Any) -> None:
    try:
        parse(json.dumps(value))
    except BadFrame as error:
        json.loads(error.frame())


@given(
    st.sampled_from(sorted(protocol.FRAMES)),
    st.dictionaries(
        st.sampled_from(["id", "reply", "conversation", "parent", "text", "model", "attempt", "n"]),
        st.none()
        | st.integers()
        | st.text()
        | st.just(ID)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.lists(st.integers()),
    ),
)
def test_any_fields_are_a_frame_or_a_refusal(kind: str, fields: dict[str, Any]) -> None:
    try:
        frame = parse(json.dumps({"type": kind} | fields))
    except BadFrame as error:
        code = json.loads(error.frame())["code"]
        assert code in {"bad_field", "too_large"}
    else:
        assert type(frame) is protocol.FRAMES[kind]


NOW = datetime(2026, 11, 21, 9, 48, 0, 165_400, UTC)


def test_settings_of_the_json_api_name_their_wrong_field() -> None:
    assert protocol.parse_settings({"top_p": 0.5, "system": " Be brief. "}) == {
        "top_p": 0.5,
        "system": "Be brief.",
    }
    wrong: list[tuple[object, str]] = [
        ({"top_p": 2}, "settings.top_p"),
        ({"seed": 1}, "settings.seed"),
        ([], "settings"),
        ({"\ud800": 1}, "settings"),
    ]
    for value, field in wrong:
        with pytest.raises(BadFrame) as caught:
            protocol.parse_settings(value)
        assert (caught.value.code, caught.value.facts["field"]) == ("bad_field", field)


def test_only_well_formed_ids_are_repeated_in_a_refusal() -> None:
    """By them a client knows its request again; nothing else it sent comes back."""
    assert ids_in(json.dumps({"id": ID, "reply": ID.upper(), "text": "x"})) == {
        "id": ID,
        "reply": ID,
    }
    for raw in (None, "", "{", "[]", json.dumps({"id": "x", "reply": 7}), "[" * 5000):
        assert ids_in(raw) == {}


def test_a_body_may_begin_with_a_byte_order_mark() -> None:
    raw = b"\xef\xbb\xbf" + json.dumps({"id": ID}).encode()
    assert body("regenerate", raw, reply=ID) == protocol.Regenerate(UUID(ID), UUID(ID))


def test_a_follower_starts_from_nothing_and_an_acknowledgement_names_all() -> None:
    follow = parse(json.dumps({"type": "follow", "reply": ID}))
    assert isinstance(follow, protocol.Follow)
    assert follow.position == START
    ack = {"type": "ack", "reply": ID, "attempt": 2, "text": 7, "reasoning": 1}
    parsed = parse(json.dumps(ack))
    assert isinstance(parsed, protocol.Ack)
    assert parsed.position == Position(2, 7, 1)
