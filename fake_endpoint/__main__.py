"""Command line of the endpoint: `python -m fake_endpoint --port 9000`."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import os
import signal

from fake_endpoint.server import GROUPS, FakeEndpoint


async def serve(host: str, port: int) -> None:
    """Serve; one line of JSON tells the base URL and the process."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with FakeEndpoint(host, port) as endpoint:
        print(json.dumps({"url": endpoint.url, "pid": os.getpid()}), flush=True)
        await stop.wait()


def table() -> str:
    """All models with what they answer, as Markdown."""
    lines = ["| group | model | answer |", "|---|---|---|"]
    for group, scenarios in GROUPS.items():
        for name, play in scenarios.items():
            answer = " ".join((inspect.getdoc(play) or "").split()).replace("|", "\\|")
            lines.append(f"| {group} | `{name}` | {answer} |")
    return "\n".join(lines)


def main() -> None:
    """Serve, or print the table of models."""
    parser = argparse.ArgumentParser(
        prog="python -m fake_endpoint",
        description="An OpenAI-compatible endpoint that streams and misbehaves on demand.",
        epilog="docs/fake-endpoint.md describes models and remote control.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes any free one")
    parser.add_argument("--models", action="store_true", help="print all models and end")
    arguments = parser.parse_args()
    if arguments.models:
        print(table())
    else:
        asyncio.run(serve(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
