"""Cost of reading an upstream by itself: CPU per token of `chat.upstream` alone.

    python -m bench.reading --streams 200 --rate 50

The fake endpoint runs in a process of its own. Each stream is read at a pace, and the CPU time of
this process is divided by the tokens read meanwhile; the caller's sleep at each step is in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chat.endpoint import EndpointConfig
from chat.upstream import ChatRequest, Client

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def fake_upstream() -> Iterator[str]:
    """Run the fake endpoint as a process; gives its base URL."""
    command = [sys.executable, "-m", "fake_endpoint"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


class Counter:
    """Steps and tokens of all streams."""

    def __init__(self) -> None:
        self.steps = 0
        self.tokens = 0

    async def follow(self, client: Client, model: str, pace: float) -> None:
        """Read one reply at a pace (seconds)."""
        request = ChatRequest(model, [{"role": "user", "content": "Go on"}])
        async with client.stream(request) as stream:
            async for batch in stream:
                self.steps += 1
                self.tokens += batch.text.count(" ")
                await asyncio.sleep(pace)


async def measure(url: str, streams: int, rate: float, pace: float, seconds: float) -> str:
    """One row of the table."""
    client = Client(EndpointConfig("fake", "fake", url, "key"))
    counter = Counter()
    count = int(rate * (seconds + 4)) if rate else 10_000_000
    model = f"stamps?n={count}&rate={rate}"
    tasks = []
    for _ in range(streams):
        tasks.append(asyncio.create_task(counter.follow(client, model, pace)))
        await asyncio.sleep(1 / streams)
    await asyncio.sleep(1)
    cpu, tokens, steps = time.process_time(), counter.tokens, counter.steps
    await asyncio.sleep(seconds)
    cpu, tokens, steps = (
        time.process_time() - cpu,
        counter.tokens - tokens,
        counter.steps - steps,
    )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()
    return (
        f"{streams:7} {pace * 1000:7.0f} {tokens / seconds:9.0f} {tokens / steps:12.2f}"
        f" {cpu / tokens * 1e6:9.1f} {cpu / steps * 1e6:8.1f} {cpu / seconds:7.0%}"
    )


def main() -> None:
    """Print a table, one row for each pace."""
    parser = argparse.ArgumentParser(prog="python -m bench.reading")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--rate", type=float, default=50, help="tokens a second; 0: unthrottled")
    parser.add_argument("--paces", default="0,40,60,100,200", help="milliseconds, with commas")
    parser.add_argument("--seconds", type=float, default=4)
    arguments = parser.parse_args()
    print("streams pace/ms  tokens/s tokens/step  µs/token  µs/step     CPU")
    with fake_upstream() as url:
        for pace in arguments.paces.split(","):
            row = measure(
                url, arguments.streams, arguments.rate, float(pace) / 1000, arguments.seconds
            )
            print(asyncio.run(row), flush=True)


if __name__ == "__main__":
    main()
