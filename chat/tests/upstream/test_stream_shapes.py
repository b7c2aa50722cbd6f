"""Answers that are framed, wrapped or spelt in another way, and ends and errors in odd places."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat.tests.upstream.playing import DONE, END, HEAD, both, event, read, said

pytestmark = pytest.mark.asyncio

JSON = HEAD.replace(b"text/event-stream", b"application/json")
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
WHOLE = {"choices": [{"index": 0, "message": {"content": "Hello!"}, "finish_reason": "stop"}]}
PIECE: dict[str, Any] = {"index": 0, "delta": {"content": "Hello!"}}


def data(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(*choices: dict[str, Any], **more: Any) -> bytes:
    return data({"choices": list(choices), **more})


def choice(index: Any, text: str | None, reason: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": {"content": text}, "finish_reason": reason}


HEL, LO = said("Hel"), said("lo!")
HELLO = HEL + LO
PRETTY = json.dumps({"choices": [PIECE]}, indent=2)

FRAMED = {
    "crlf": (HELLO + END + DONE).replace(b"\n", b"\r\n"),
    "cr": (HELLO + END + DONE).replace(b"\n", b"\r"),
    "byte order mark": b"\xef\xbb\xbf" + HELLO + END + DONE,
    "blank lines first": b"\n\n\n" + HELLO + END + DONE,
    "no blank after data": (HELLO + END + DONE).replace(b"data: ", b"data:"),
    "two blanks after data": (HELLO + END + DONE).replace(b"data: ", b"data:  "),
    "blanks at the end": HELLO[:-2] + b"   \n\n" + END + DONE,
    "no last line end": HELLO + END[:-2],
    "no line end after the mark": HELLO + END + b"data: [DONE]",
    "no blank lines": HEL[:-1] + LO[:-1] + END[:-1] + DONE,
    "pretty": "\n".join(f"data: {line}" for line in PRETTY.split("\n")).encode() + b"\n\n" + DONE,
    "ids": b"id: 1\nretry: 3000\n" + HEL + b"id: 2\n" + LO + b"id: 3\n\n" + END + DONE,
    "named": b"event: message\n" + HELLO + b"event: message\n" + END + b"event: done\ndata: \n\n",
    "named otherwise": b"event:result\nid:1\n:HTTP_STATUS/200\n" + HELLO + END,
    "framed twice": data("x") + b"data: " + HEL + LO + b"data: data: [DONE]\n\n",
    "JSON in a string": data(json.dumps({"choices": [PIECE]})) + END + DONE,
    "in a list": data([{"choices": [PIECE]}]) + END + DONE,
    "in a field": data({"code": 0, "data": {"choices": [PIECE]}}) + END + DONE,
    "NUL": said("Hel\0lo!") + END + DONE,
    "comments": b": keep-alive\n\n: PROCESSING\n\n" + HELLO + b":\n\n" + END + DONE,
    "a stream that is none": data(WHOLE | {"object": "chat.completion"}) + DONE,
}

SHAPED = {
    "usage last": HELLO + END + chunk(usage=USAGE) + DONE,
    "usage after the mark": HELLO + END + DONE + chunk(usage=USAGE),
    "usage, choices null": HELLO + data({"choices": None, "usage": USAGE}) + END + DONE,
    "choices null first": data({"id": "x", "choices": None}) + HELLO + END + DONE,
    "two choices in turn": HEL + chunk(choice(1, "X")) + chunk(choice(1, None, "stop")) + LO + END,
    "two choices at once": chunk(choice(1, "X"), choice(0, "Hello!")) + END + DONE,
    "delta null": chunk({"index": 0, "delta": None}) + HELLO + END + DONE,
    "delta null with reason": HELLO + event({"delta": None, "finish_reason": "stop"}),
    "delta a string": event({"delta": "Hello!"}) + END + DONE,
    "choices an object": data({"choices": PIECE}) + END + DONE,
    "role only": event({"delta": {"role": "assistant"}}) + HELLO + END + DONE,
    "parts": event({"delta": {"content": [{"type": "text", "text": "Hel"}]}})
    + event({"delta": {"content": [{"type": "output_text", "text": "lo!"}, "", None]}})
    + END,
    "text beside": event({"delta": {"type": "text_delta", "text": "Hello!"}}) + END,
    "old completions": event({"text": "Hel"}) + event({"text": "lo!", "finish_reason": "stop"}),
    "no index": data({"choices": [{"delta": {"content": "Hello!"}}]}) + END,
    "so far": HEL + said("Hello") + said("Hello!") + said("Hello!") + END + DONE,
    "message beside": event({"delta": {"content": "Hel"}, "message": {"content": "Hel"}})
    + event({"delta": {"content": "lo!"}, "message": {"content": "Hello!"}})
    + END,
    "message beside nothing": HELLO
    + event({"delta": {"content": None}, "message": {"content": "Hello!"}})
    + END,
    "error null": chunk(PIECE, error=None, code=0, message="ok") + END + DONE,
    "error empty": chunk(PIECE, error={}) + chunk(choice(0, ""), error=[]) + END + DONE,
    "error of code 0": chunk(PIECE, error={"code": 0, "message": ""}) + END + DONE,
    "status that is fine": chunk(PIECE, base_resp={"status_code": 0, "status_msg": "success"})
    + END,
}

ENDED = {
    "closed after the reason": HELLO + END,
    "text after the mark": HELLO + END + DONE + said(" more"),
    "two marks": HELLO + DONE + DONE,
    "small mark": HELLO + b"data: [done]\n\n",
    "bare mark": HELLO + b"data: DONE\n\n",
    "mark of JSON": HELLO + data({"done": True}),
    "mark with blanks": HELLO + b"data:  [DONE] \n\n",
    "event without data": HELLO + b"event: end\n\n",
    "event of an object": HELLO + b"event: done\ndata: {}\n\n",
    "reason with the text": said("Hello!", "stop"),
    "reason twice": HELLO + END + END + DONE,
    "reason of the chunk": HELLO + chunk(choice(0, None), finish_reason="stop"),
    "reason in the delta": HELLO + event({"delta": {"finish_reason": "stop"}}),
    "reason an object": HELLO + event({"delta": {}, "finish_reason": {"type": "stop"}}),
    "reason in details": HELLO + event({"delta": {}, "finish_details": {"type": "stop"}}),
    "reason of another name": HELLO + event({"delta": {}, "stop_reason": "end_turn"}),
    "reason in capitals": HELLO + event({"delta": {}, "finish_reason": "STOP"}),
    "reason of an enumeration": HELLO + event({"delta": {}, "finish_reason": "FinishReason.STOP"}),
    "reason with a prefix": HELLO + event({"delta": {}, "finish_reason": "FINISH_REASON_STOP"}),
    "reason a token": HELLO + event({"delta": {}, "finish_reason": "<|im_end|>"}),
}


@pytest.mark.parametrize("body", [*FRAMED.values(), *SHAPED.values()], ids=[*FRAMED, *SHAPED])
async def test_an_answer_is_read_whole_however_it_is_sent(body: bytes) -> None:
    result = await both(body)
    assert (result[:3], result.code) == (("Hello!", "", True), None)


@pytest.mark.parametrize("body", ENDED.values(), ids=ENDED)
async def test_an_end_is_one_wherever_it_is_told(body: bytes) -> None:
    result = await both(body)
    assert (result.text, result.complete, result.code) == ("Hello!", True, None)
    assert result.finish_reason in ("stop", None)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(WHOLE).encode(),
        json.dumps(WHOLE, indent=1).encode(),
        json.dumps([WHOLE]).encode(),
        json.dumps({"choices": [{"message": {"content": "Hello!"}}]}).encode(),
        json.dumps({"choices": [choice(0, "Hel")]}).encode() + b"\n"
        + json.dumps({"choices": [choice(0, "lo!", "stop")]}).encode() + b"\n",
    ],
    ids=["whole", "pretty", "list", "without a reason", "a line each"],
)  # fmt: skip
async def test_an_answer_that_is_no_stream_is_read(body: bytes) -> None:
    result = await read(body, head=JSON)
    assert (result.text, result.complete, result.code) == ("Hello!", True, None)


async def test_a_stop_that_only_says_where_is_no_reason() -> None:
    """vLLM's `stop_reason` is a token or a text at which the model stopped."""
    for where in (151645, "###", None):
        result = await both(event({"delta": {"content": "Hello!"}, "stop_reason": where}))
        assert (result.text, result.complete) == ("Hello!", False)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (data({"error": "Boom"}), "upstream_error"),
        (data({"error": {"error": {"message": "Boom", "code": 429}}}), "rate_limited"),
        (event({"delta": {}, "error": {"message": "Boom"}}), "upstream_error"),
        (event({"delta": {}, "error": "Boom"}), "upstream_error"),
        (data({"errors": [{"message": "Boom", "code": 7003}], "success": False}), "upstream_error"),
        (data({"success": False, "message": "Boom"}), "upstream_error"),
        (data({"code": 500, "msg": "Boom", "data": None}), "upstream_error"),
        (data({"error_code": 17, "error_msg": "rate_limit reached"}), "rate_limited"),
        (data({"type": "error", "message": "Boom"}), "upstream_error"),
        (data({"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}),
         "upstream_error"),
        (data({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
         "no_credit"),
        (b'event: error\ndata: {"message":"Boom"}\n\n', "upstream_error"),
        (b"event: Error\ndata: Boom\n\n", "upstream_error"),
        (b"event: error\n\n", "upstream_error"),
        (b'{"error":{"message":"Boom"}}\n', "upstream_error"),
        (b'{\n  "error": {\n    "message": "Boom"\n  }\n}\n\n', "upstream_error"),
        (event({"delta": {}, "finish_reason": "error"}), "upstream_error"),
    ],
)  # fmt: skip
async def test_an_error_is_one_wherever_it_is_told(told: bytes, code: str) -> None:
    for before in (b"", said("Par")):
        result = await both(before + told)
        assert (result.text, result.complete) == ("Par" if before else "", False)
        assert result.code == code
        assert not (await both(before + told + DONE)).complete


@pytest.mark.parametrize(
    "told",
    [
        b"<html><body>502 Bad Gateway</body></html>",
        b"data: <html><body>502</body></html>\n\n",
        data({"detail": "Overloaded"}),
        data({"detail": [{"loc": ["body"], "msg": "Boom"}]}),
        b"",
    ],
)
async def test_an_answer_that_something_else_cuts_is_not_complete(told: bytes) -> None:
    result = await both(said("Par") + told)
    assert (result.text, result.complete) == ("Par", False)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"error": {"message": "Boom", "code": 429}}, "rate_limited"),
        ({"object": "error", "message": "Boom", "code": 400}, "bad_request"),
        ([{"error": {"code": 503, "message": "Boom", "status": "UNAVAILABLE"}}], "upstream_error"),
        ({"code": 500, "msg": "Boom"}, "upstream_error"),
        ({"status": "error", "detail": "Boom"}, "upstream_error"),
        ({"success": False, "errors": [{"message": "Boom"}], "result": {}}, "upstream_error"),
        ({"hello": "world"}, "bad_response"),
    ],
)
async def test_an_error_with_a_good_status_is_one(body: Any, code: str) -> None:
    assert (await read(json.dumps(body).encode(), head=JSON)).code == code
