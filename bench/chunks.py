"""Cost of one chunk of an answer, without a network: processor time from its bytes to a batch.

    python -m bench.chunks [--chunks 20000] [--rounds 15]

Each row is one shape of stream. `reading` is the cost of a chunk's JSON (`read_chunk`), `all`
adds the events, the joining of pieces and the marks of thoughts. The best of all rounds counts, as
a busy machine only makes them longer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from chat.endpoint import EndpointConfig
from chat.upstream import Batch, ChatRequest
from chat.upstream.body_events import BodyEvents
from chat.upstream.chunks import read_chunk
from chat.upstream.completion import Completion
from chat.upstream.habits import Habits
from chat.upstream.patience import Patience

WORDS = ("Hello", ", ", "this ", "is ", "**what** ", "a ", "model ", "says", ".", "\n")
"""The pieces of an answer, again and again."""


def event(fields: dict[str, Any], **more: Any) -> bytes:
    """One chunk as OpenAI sends it."""
    choice = {"index": 0, "delta": fields, "logprobs": None, "finish_reason": None}
    value = {
        "id": "chatcmpl-9wFz1cVf0Yv7TQkq1b9gk4Vn2W0aM",
        "object": "chat.completion.chunk",
        "created": 1723000000,
        "model": "gpt-4o-2024-08-06",
        "system_fingerprint": "fp_3aa7262c27",
        "choices": [choice],
    }
    return b"data: " + json.dumps(value | more, separators=(",", ":")).encode() + b"\n\n"


SHAPES: dict[str, Callable[[str], bytes]] = {
    "plain": lambda word: event({"content": word}),
    "with nulls": lambda word: event(
        {"role": "assistant", "content": word, "reasoning_content": None, "tool_calls": None},
        usage=None,
    ),
    "code": lambda word: event({"content": f"a[{word}] < b"}),
    "thoughts": lambda word: event({"content": None, "reasoning_content": word}),
}


async def read(packets: list[bytes], at: int) -> tuple[float, str]:
    """The seconds that these packets take from the `at`th on, and their text."""
    endpoint = EndpointConfig("bench", "bench", "http://bench.invalid/v1", "")
    request = ChatRequest("model", [{"role": "user", "content": "Go on"}])
    patience = Patience(endpoint, lambda: None)
    completion = Completion(endpoint, request, Habits(), patience)
    events = BodyEvents({})
    batches: list[Batch] = []
    started = 0.0
    for number, packet in enumerate(packets):
        if number == at:
            started = time.process_time()
        for name, data in events.feed(packet):
            completion.take(name, data)
        if batch := completion.batch():
            batches.append(batch)
    seconds = time.process_time() - started
    return seconds, "".join(batch.text + batch.reasoning for batch in batches)


def measure(shape: Callable[[str], bytes], chunks: int, rounds: int) -> tuple[float, float]:
    """Microseconds a chunk: of reading alone, and of all."""
    start = 50
    packets = [shape(WORDS[number % len(WORDS)]) for number in range(chunks + start)]
    data = [packet[6:-2] for packet in packets[start:]]
    reading, everything = [], []
    for _ in range(rounds):
        begun = time.process_time()
        for piece in data:
            read_chunk(piece)
        reading.append(time.process_time() - begun)
        seconds, text = asyncio.run(read(packets, start))
        assert text, "nothing was read"
        everything.append(seconds)
    return min(reading) / chunks * 1e6, min(everything) / chunks * 1e6


def main() -> None:
    """Print a table, one row for each shape."""
    parser = argparse.ArgumentParser(prog="python -m bench.chunks")
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    print("shape       reading µs   all µs")
    for name, shape in SHAPES.items():
        reading, everything = measure(shape, arguments.chunks, arguments.rounds)
        print(f"{name:12}{reading:10.2f}{everything:9.2f}", flush=True)


if __name__ == "__main__":
    main()
