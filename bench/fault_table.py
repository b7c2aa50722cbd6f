"""A table of all faults of an endpoint and the ends of their replies, for the release notes.

    python -m bench.fault_table

Plays all rows of `chat/tests/live/faults.py` on a real server with short limits (two seconds for
the first token, one between tokens, three tries), and prints what it saw as Markdown.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import django

import chat.tests.environment  # noqa: F401  before Django reads its settings


def main() -> int:
    """Print the table; the exit code is 0 if every row ended as it should."""
    django.setup()
    from chat.tests.live.faults import FAULTS, Seen, endpoints, play_all
    from chat.tests.live.server import Server, fake_upstream, migrated_file

    with (
        tempfile.TemporaryDirectory(prefix="parley-faults-") as folder,
        fake_upstream() as upstream,
        endpoints(upstream.url) as settings,
    ):
        template = migrated_file(Path(folder))
        server = Server(Path(folder) / "server", template, upstream.url, **settings)
        server.start()
        try:
            seen = asyncio.run(play_all(server, upstream))
        finally:
            server.kill()

    def cells(one: Seen) -> list[str]:
        fault, row = one.fault, one.row
        if one.problem:
            return [fault.name, f"**{one.problem}**", "", "", "", "", ""]
        good = (row["status"], row["error_code"]) == (fault.status, fault.code)
        good &= row["text"].startswith(fault.text)
        state = row["status"] if good else f"**{row['status']}**, not {fault.status}"
        ended = row["error_code"] or row["finish_reason"]
        return [
            fault.name,
            f"`{fault.model}`",
            state,
            ended,
            row["error_message"],
            f"{one.seconds:.1f}",
            str(len(one.requests)),
        ]

    rows = [cells(seen[fault.name]) for fault in FAULTS]
    head = ["case", "scenario", "state", "code", "sentence", "seconds", "requests"]
    for line in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(line)} |")
    return any("**" in "".join(row) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
