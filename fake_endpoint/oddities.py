"""Oddities of endpoints, which clients have to tolerate.

Each entry of `ODDITIES` is the scenario for the model of that name. Nearly all carry the whole of
`SHORT` and end in order.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any, Final

from fake_endpoint.scenarios import (
    CLOSE,
    DONE,
    END,
    HANG,
    RESET,
    SHORT,
    Call,
    Script,
    chunk,
    completion,
    data,
    delta,
    event,
    finish,
    head,
    json_reply,
    raw,
    spoken,
    start,
    usage,
)

ODDITIES: dict[str, Callable[[Call], Script]] = {}

THOUGHT: Final = "Let me see."
"""The reasoning of the scenarios that have one."""


def _oddity(play: Callable[[Call], Script]) -> Callable[[Call], Script]:
    ODDITIES[play.__name__.replace("_", "-")] = play
    return play


@_oddity
def bytewise(call: Call) -> Script:
    """One byte a packet, so also in the middle of characters and of line ends."""
    events = [*(event(token) for token in SHORT), event(None, "stop")]
    body = "".join(f"data: {event}\r\n\r\n" for event in events).replace("\\u00f6", "ö").encode()
    yield head(framing="Connection: close")
    for number in body:
        yield bytes([number])
    yield CLOSE


@_oddity
def line_ends(call: Call) -> Script:
    """`line-ends?end=cr`: CR, CRLF or LF, with a byte order mark, comments and other fields."""
    end = {"cr": b"\r", "crlf": b"\r\n", "lf": b"\n"}[call.options.get("end", "cr")]
    lines = [b"\xef\xbb\xbf: hello", b"retry: 10", b"", b"id: 1", b"", b"event: message"]
    for token in SHORT:
        lines += [b"id: 7", b"data:" + event(token).encode(), b": comment", b""]
    lines += [b"data: " + event(None, "stop").encode(), b"", b"data: [DONE]", b"", b""]
    return raw(end.join(lines))


@_oddity
def multiline(call: Call) -> Script:
    """Data over several lines, and no blank line after the last event."""
    value = json.dumps(json.loads(event(SHORT, "stop")), indent=1)
    return raw("\n".join(f"data: {line}" for line in value.split("\n")).encode())


@_oddity
def shapes(call: Call) -> Script:
    """Null, missing and empty parts, list content, several choices, Azure's first chunk."""
    yield head()
    yield data({"model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]})
    yield data({"choices": None})
    yield data({"choices": [{"index": 0, "delta": None}]})
    yield data({"choices": [{"index": 0}]})
    yield data({"choices": [{"index": 1, "delta": {"content": "the other choice"}}]})
    other = {"index": 1, "delta": {"content": "other"}}
    yield data({"choices": [other, {"index": 0, "delta": {"content": SHORT[0]}}]})
    parts = [{"type": "text", "text": SHORT[1:4]}, {"type": "image_url"}, SHORT[4:]]
    yield data({"choices": [{"index": 0, "delta": {"content": parts}, "extra": {"a": [1]}}]})
    odd: list[Any] = [42, "x", None, [], {"detail": "nothing"}]
    for value in odd:
        yield data(value)
    yield data({"choices": [{"delta": {"content": None}, "finish_reason": "stop"}]})
    yield from finish(call, None)


@_oddity
def plain_json(call: Call) -> Script:
    """A whole completion although a stream was asked for."""
    return json_reply(completion(SHORT, reasoning_content="Hm."))


@_oddity
def mislabelled(call: Call) -> Script:
    """A whole completion that calls itself a stream."""
    return raw(json.dumps(completion(SHORT), indent=1).encode())


@_oddity
def gzip(call: Call) -> Script:
    """A compressed body although none was asked for; `cut=1` ends it early, `bad=1` damages it."""
    yield head(framing="Transfer-Encoding: chunked\r\nContent-Encoding: gzip")
    squeeze = zlib.compressobj(wbits=31)
    for token in SHORT:
        block = squeeze.compress(f"data: {event(token)}\n\n".encode())
        yield chunk(block + squeeze.flush(zlib.Z_SYNC_FLUSH))
    if call.options.get("bad"):
        yield 0.1
        yield chunk(b"\xff\xff\xff this is not gzip") + END
    elif call.options.get("cut"):
        yield END
    else:
        last = squeeze.compress(f"data: {event(None, 'stop')}\n\n".encode())
        yield chunk(last + squeeze.flush()) + END


@_oddity
def surrogates(call: Call) -> Script:
    """A surrogate pair cut over two chunks, a lone surrogate and NUL."""
    yield head()
    for escaped in ("Hello, wörld \\ud83d", "\\udc4d", "\\u0000", "\\udc00", "\\ud83d"):
        yield chunk(f'data: {{"choices":[{{"delta":{{"content":"{escaped}"}}}}]}}\n\n'.encode())
    yield from finish(call)


@_oddity
def think(call: Call) -> Script:
    """Thoughts in tags at the start of the text, the tags cut over tokens."""
    yield from start(call)
    for token in ("<th", "ink>", "\nLet me", " see.\n</", "think>", "\n\n", *SHORT):
        yield delta(call, {"content": token})
    yield from finish(call)


@_oddity
def reasoning(call: Call) -> Script:
    """Thoughts in a field of their own: `field=reasoning_content`, `reasoning` or `details`.

    Also `both` of the first two, or `both-details`, with the same words in each.
    """
    yield from start(call)
    for token in ("Let me", " see."):
        details = [{"type": "reasoning.text", "text": token, "index": 0}]
        match call.options.get("field", "reasoning_content"):
            case "both":
                fields: dict[str, Any] = {"reasoning_content": token, "reasoning": token}
            case "details":
                fields = {"reasoning_details": details}
            case "both-details":
                fields = {"reasoning": token, "reasoning_details": details}
            case name:
                fields = {name: token}
        yield delta(call, {"content": None, **fields})
    for token in SHORT:
        yield delta(call, {"content": token})
    yield from finish(call)


@_oddity
def large(call: Call) -> Script:
    """One token of `n` characters."""
    yield from start(call)
    yield delta(call, {"content": "x" * int(call.number("n", 8_000_000))})
    yield from finish(call)


@_oddity
def ends(call: Call) -> Script:
    """`ends?reason=length`: that finish reason, then with `again=stop` another one.

    `done=1` sends the end mark; `hold=1` keeps the connection open; `drip=1` does and sends one
    more character after the other, for ever.
    """
    yield from spoken(call)
    yield delta(call, {}, call.options.get("reason", "stop"))
    if again := call.options.get("again"):
        yield delta(call, {}, again)
    if call.options.get("done"):
        yield DONE
    while call.options.get("drip"):
        yield 0.02
        yield delta(call, {"content": "."})
    yield HANG if call.options.get("hold") else END


@_oddity
def late_reset(call: Call) -> Script:
    """Everything including the finish reason, then a reset."""
    yield from spoken(call)
    yield delta(call, {}, "stop")
    yield data({"choices": [], "usage": usage(3)})
    yield 0.1
    yield RESET


@_oddity
def late_error(call: Call) -> Script:
    """Everything including the finish reason, then an error."""
    yield from spoken(call)
    yield delta(call, {}, "stop")
    yield data({"error": {"message": "Usage could not be counted", "code": 500}})
    yield END


@_oddity
def warms_up(call: Call) -> Script:
    """`warms-up?s=1.5`: signs of life and no content for so many seconds, then the answer."""
    yield head()
    for _ in range(int(call.number("s", 1.5) / 0.1)):
        yield chunk(b": loading\n\ndata: \n\n")
        yield 0.1
    for token in SHORT:
        yield delta(call, {"content": token})
    yield from finish(call)


@_oddity
def no_tools(call: Call) -> Script:
    """The fields of a tool call in every chunk, without a call."""
    yield from start(call)
    for token in SHORT:
        yield delta(call, {"content": token, "tool_calls": [], "function_call": None})
    yield from finish(call)


@_oddity
def odd_usage(call: Call) -> Script:
    """`odd-usage?as=every|choice|null|zero|text`: counts where and how some gateways put them."""
    yield head()
    kind = call.options.get("as", "every")
    shapes: dict[str, list[Any]] = {
        "every": [usage(1), usage(2), usage(3)],
        "null": [None],
        "zero": [{"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}],
        "text": ["three"],
    }
    counts = shapes.get(kind, [])
    for number, token in enumerate(SHORT):
        value = json.loads(event(token))
        if counts:
            value["usage"] = counts[min(number, len(counts) - 1)]
        yield data(value)
    last = json.loads(event(None, "stop"))
    if kind == "choice":
        last["choices"][0]["usage"] = usage(3)
    yield data(last | ({"usage": None} if counts else {}))
    yield DONE
    yield END


# Streams as some endpoints send them


def _as_sent(*values: Any) -> Script:
    yield head()
    for value in values:
        yield data(value)
    yield DONE
    yield END


def _choice(delta: dict[str, Any] | None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "finish_reason": reason, "logprobs": None, **more}
    return choice if delta is None else choice | {"delta": delta}


def _chunk(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "model": "fake", "choices": list(choices), **more}


@_oddity
def azure_chunks(call: Call) -> Script:
    """Azure: filter results first, beside each token, and apart from them with `content_filter`."""
    results = {"hate": {"filtered": False, "severity": "safe"}}
    offsets = {"check_offset": 0, "start_offset": 0, "end_offset": 5}
    return _as_sent(
        {
            "id": "",
            "model": "",
            "choices": [],
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": results}],
        },
        _chunk(_choice({"role": "assistant", "content": "", "refusal": None})),
        *(_chunk(_choice({"content": c}, content_filter_results=results)) for c in SHORT),
        _chunk(_choice(None, content_filter_results=results, content_filter_offsets=offsets)),
        _chunk(_choice({}, "stop", content_filter_results={})),
        _chunk(usage=usage(3)),
    )


@_oddity
def dashscope(call: Call) -> Script:
    """DashScope: nulls everywhere, usage in a chunk without choices."""
    thought = {"reasoning_content": None}
    return _as_sent(
        _chunk(_choice({"role": "assistant", "content": "", **thought}), usage=None),
        *(_chunk(_choice({"content": c, **thought}), usage=None) for c in SHORT),
        _chunk(_choice({"content": "", **thought}, "stop"), usage=None),
        _chunk(usage=usage(3)),
    )


@_oddity
def openrouter(call: Call) -> Script:
    """OpenRouter: comments, thoughts under two names and once more as a whole at their end."""

    def detail(text: str) -> dict[str, Any]:
        return {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}

    def thought(text: str) -> dict[str, Any]:
        fields = {"role": "assistant", "content": "", "reasoning": text}
        return _chunk(_choice(fields | {"reasoning_details": [detail(text)]}), provider="Fake")

    signed = {"content": "", "reasoning": None, "reasoning_details": [detail(THOUGHT)]}
    yield head()
    yield chunk(b": OPENROUTER PROCESSING\n\n")
    yield data(thought("Let me"))
    yield chunk(b": OPENROUTER PROCESSING\n\n")
    yield data(thought(" see."))
    yield data(_chunk(_choice(signed)))
    for token in SHORT:
        yield data(_chunk(_choice({"role": "assistant", "content": token})))
    yield data(_chunk(_choice({"content": ""}, "stop", native_finish_reason="end_turn")))
    yield data(_chunk(_choice({"content": ""}), usage=usage(3) | {"cost": 0.01}))
    yield DONE
    yield END


@_oddity
def deepseek(call: Call) -> Script:
    """DeepSeek: thoughts beside a null content, its own name for the cached tokens."""
    counts = usage(3) | {"prompt_cache_hit_tokens": 2, "prompt_cache_miss_tokens": 5}
    del counts["prompt_tokens_details"]
    return _as_sent(
        _chunk(_choice({"role": "assistant", "content": None, "reasoning_content": "Let me"})),
        _chunk(_choice({"content": None, "reasoning_content": " see."})),
        *(_chunk(_choice({"content": c, "reasoning_content": None})) for c in SHORT),
        _chunk(_choice({"content": "", "reasoning_content": None}, "stop"), usage=counts),
    )


@_oddity
def groq(call: Call) -> Script:
    """Groq: usage in a field of its own, with the finish reason."""
    return _as_sent(
        _chunk(_choice({"role": "assistant", "content": ""}), x_groq={"id": "req_1"}),
        *(_chunk(_choice({"content": c})) for c in SHORT),
        _chunk(_choice({}, "stop"), x_groq={"id": "req_1", "usage": usage(3)}),
    )


@_oddity
def mistral(call: Call) -> Script:
    """Mistral: content as lists of parts, thoughts among them."""

    def thought(text: str) -> list[dict[str, Any]]:
        return [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]

    return _as_sent(
        _chunk(_choice({"role": "assistant", "content": ""})),
        _chunk(_choice({"content": thought("Let me")})),
        _chunk(_choice({"content": thought(" see.")})),
        _chunk(_choice({"content": [{"type": "text", "text": SHORT[:4]}]})),
        _chunk(_choice({"content": SHORT[4:]})),
        _chunk(_choice({"content": ""}, "stop"), usage=usage(3)),
    )
