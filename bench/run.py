"""Costs of Parley, beside nginx and an Express relay: `make bench`, or `make bench-quick`.

Everything runs in this one call on this one machine, so the ratios mean something; absolute
figures only compare with those of the same run. Each server gets the same load from the same fake
upstream: streams of 50 tokens a second, one packet per token. CPU is that of the server's process
alone, over a window in which all streams run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.messages.compare import compare
from bench.servers import Server, Unavailable, express, fake_upstream, nginx, parley

RATE = 50
FLAT_OUT = "stamps?n=20000&rate=0"
LOADS = (1, 50, 200)
IDLE_SOCKETS = 200
TRANSPORTS: dict[str, dict[str, Any]] = {
    "WebSocket": {"kind": "ws", "path": "/ws/chat/"},
    "SSE": {"kind": "events", "path": "/api/v1/messages"},
    "NDJSON": {"kind": "lines", "path": "/api/v1/messages"},
}
"""The ways in which Parley's frames travel, compared at `TRANSPORT_STREAMS`."""
TRANSPORT_STREAMS = 50
STARTS = 20
"""Replies that begin in a second, while the others run: 200 people who ask every ten seconds."""
QUICK_TEXTS = ("$$", "# a", "paragraphs")
"""Kinds of long replies that are opened in a browser in a short run."""
QUICK_GROWING = ("a short one", "list")
"""Kinds of replies that grow in a browser in a short run."""
ROUNDS = 3
"""Turns of the servers at the largest load: the speed of a machine changes within minutes."""

FIRST = "first token p99, ms"
RELAY = {
    "CPU per token: nginx proxy_pass": (2.2, 1.8),
    "CPU per token: Express + openai": (0.45, 0.35),
    FIRST: (100.0, 100.0),
}
"""Limits of the relay at the largest load: what it must be, and the goal."""


class Bench:
    """One run: the loads, the window (seconds), and the results."""

    def __init__(self, loads: tuple[int, ...], seconds: float, url: str) -> None:
        self.loads, self.seconds, self.url = loads, seconds, url
        self.settle = 2.0
        # Long enough to outlast the longest ramp, settling and window.
        self.tokens = int(RATE * (max(loads) / STARTS + self.settle + seconds + 2))
        self.model = f"stamps?n={self.tokens}&rate={RATE}"
        self.rows: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {}

    def load(self, server: Server, streams: int, name: str = "", **changes: Any) -> dict[str, Any]:
        """Put one load on a server; returns its row, under another name where one is given."""
        job = {
            "kind": "sse",
            "port": server.port,
            "streams": streams,
            "model": self.model,
            "tokens": self.tokens,
            "path": "/v1/chat/completions",
            "ramp": streams / STARTS,
            "settle": self.settle,
            "seconds": self.seconds,
        } | changes
        self.control({"forget": True})
        cpu = [0.0, 0.0]
        result: dict[str, Any] = {}
        with self.client(job) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said = json.loads(line)
                if said["event"] == "result":
                    result = said
                else:
                    cpu[said["event"] == "end"] = server.cpu()
        if not result:
            raise RuntimeError(f"The load on {server.name} ended without a result.")
        sent = self.control()["bytes"]
        used = cpu[1] - cpu[0]
        row = {
            "server": name or server.name,
            "streams": streams,
            "cpu_us_per_token": used / max(1, result["tokens"]) * 1e6,
            "cpu_share": used / result["seconds"],
            "tokens_per_second": result["tokens"] / result["seconds"],
            "bytes_ratio": result["all_bytes"] / max(1, sent),
            "tokens_per_packet": result["all_tokens"] / max(1, result["frames"]),
        } | {key: result[key] for key in result if key.endswith("_ms")}
        row |= {"lost": result["lost"], "problems": result["problems"], "rss_mb": server.rss()}
        row["all_tokens_per_second"] = result["all_tokens"] / result["all_seconds"]
        return row

    def client(self, job: dict[str, Any]) -> subprocess.Popen[str]:
        """Start the load in a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parent.parent,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        return process

    def control(self, order: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read the counts of the fake endpoint, or set something there."""
        data = json.dumps(order).encode() if order else None
        request = urllib.request.Request(self.url.removesuffix("/v1") + "/control", data)
        with urllib.request.urlopen(request) as answer:
            state: dict[str, Any] = json.load(answer)
        return state

    def idle(self, server: Server) -> None:
        """Memory at rest, and of sockets that only wait."""
        before = server.rss()
        job = {"kind": "idle", "port": server.port, "streams": IDLE_SOCKETS}
        process = self.client(job | {"cookies": server.cookies})
        assert process.stdin is not None
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        after = server.rss()
        process.stdin.close()
        process.wait(20)
        process.stdout.close()
        self.facts |= {
            "start_seconds": server.started,
            "idle_mb": before,
            "idle_socket_kb": (after - before) * 1000 / IDLE_SOCKETS,
            "idle_problems": said["problems"],
        }

    def measure(self, server: Server, **changes: Any) -> None:
        """All loads but the largest on one server."""
        for streams in self.loads[:-1]:
            self.add(self.load(server, streams, **changes))

    def take_turns(self, servers: dict[str, tuple[Server, dict[str, Any]]]) -> None:
        """The largest load on each of them in turn, so that their costs can be compared."""
        for _ in range(ROUNDS):
            for server, changes in servers.values():
                self.add(self.load(server, self.loads[-1], **changes))

    def most(self, server: Server, socket: dict[str, Any]) -> None:
        """Tokens a second of an endpoint that is as fast as it can be."""
        flat = {"model": f"openai/{FLAT_OUT}", "tokens": 20000}
        flat |= {"ramp": 0.2, "settle": 0, "seconds": 2}
        row = self.load(server, 20, **(socket | flat))
        self.facts |= {
            "flat_out_tokens_per_second": row["all_tokens_per_second"],
            "flat_out_cpu_share": row["cpu_share"],
            "flat_out_lost": row["lost"],
            "busy_mb": server.rss(),
        }

    def transports(self, server: Server) -> None:
        """The same load over each of Parley's transports, one after the other."""
        asked: dict[str, Any] = {"cookies": server.cookies, "model": f"openai/{self.model}"}
        for name, way in TRANSPORTS.items():
            row = self.load(server, TRANSPORT_STREAMS, f"Parley {name}", **asked, **way)
            self.add(row)
            self.facts[f"{name}_cpu_us_per_token"] = row["cpu_us_per_token"]

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row and show it."""
        self.rows.append(row)
        print(
            f"{row['server']:18}{row['streams']:4}{row['tokens_per_second']:9.0f}"
            f"{row['cpu_us_per_token']:9.1f}{row['cpu_share']:6.0%}{row['p50_ms']:9.1f}"
            f"{row['p99_ms']:8.1f}{row['first_p99_ms']:9.1f}{row['bytes_ratio']:8.2f}"
            f"{row['tokens_per_packet']:8.1f}{row['lost']:6}"
            + "".join(f"\n    {problem}" for problem in row["problems"]),
            flush=True,
        )

    def ratios(self) -> dict[str, float]:
        """Parley's CPU per token as a multiple of each baseline's: the median over all turns."""
        costs: dict[str, list[float]] = {}
        for row in self._largest():
            costs.setdefault(row["server"], []).append(row["cpu_us_per_token"])
        own = costs.pop("Parley", [])
        return {
            name: median(mine / its for mine, its in zip(own, other, strict=True))
            for name, other in costs.items()
            if own
        }

    def _largest(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["streams"] == self.loads[-1]]

    def verdicts(self) -> list[str]:
        """The ratios and the time of Parley's first tokens beside their limits."""
        own = [row["first_p99_ms"] for row in self._largest() if row["server"] == "Parley"]
        figures = {f"CPU per token: {name}": ratio for name, ratio in self.ratios().items()}
        figures |= {FIRST: median(own)} if own else {}
        return [
            f"{name:34}{value:8.2f}{must:8g}{goal:7g}  {'held' if value <= must else 'MISSED'}"
            for name, value in figures.items()
            if name in RELAY
            for must, goal in [RELAY[name]]
        ]


HEAD = (
    "server        streams tokens/s µs/token   CPU   p50 ms  p99 ms  1st p99  bytes× tok/pkt  lost"
)


def main() -> None:
    """Run everything, print the table, and write JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="short windows, fewer loads")
    parser.add_argument(
        "--only", help="parley, transports, nginx, express, messages, texts or growing"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    arguments = parser.parse_args()
    loads, seconds = ((1, 200), 3.0) if arguments.quick else (LOADS, 8.0)
    messages: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-bench-")))
        url = stack.enter_context(fake_upstream())
        bench = Bench(loads, seconds, url)
        print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
        busy = os.getloadavg()[0]
        if busy > 0.5:
            print(f"The machine was busy before the start (load {busy:.1f}): figures are off.")
        if arguments.only not in ("messages", "texts", "growing"):
            print(HEAD, flush=True)
        servers: dict[str, tuple[Server, dict[str, Any]]] = {}
        if arguments.only in (None, "parley"):
            models = [bench.model, FLAT_OUT]
            server = stack.enter_context(parley(url, models, max(IDLE_SOCKETS, *loads), folder))
            bench.idle(server)
            socket = {"kind": "ws", "path": "/ws/chat/", "cookies": server.cookies}
            servers["parley"] = (server, socket | {"model": f"openai/{bench.model}"})
        for name, baseline in (("nginx", nginx), ("express", express)):
            if arguments.only in (None, name):
                try:
                    servers[name] = (stack.enter_context(baseline(url, folder)), {})
                except Unavailable as missing:
                    print(f"{name}: {missing}")
        for server, changes in servers.values():
            bench.measure(server, **changes)
        bench.take_turns(servers)
        if "parley" in servers:
            bench.most(*servers["parley"])
            bench.transports(servers["parley"][0])
        if arguments.only == "transports":
            with parley(url, [bench.model], TRANSPORT_STREAMS, folder) as server:
                bench.transports(server)
        log = folder / "parley.log"
        if log.exists() and (lines := log.read_text()):
            print(f"Parley's log:\n{lines[-2000:]}")
        if arguments.only in (None, "messages"):
            messages = compare(url, folder, quick=arguments.quick)
    if arguments.only in (None, "texts"):
        part = ["--only", *QUICK_TEXTS] if arguments.quick else []
        subprocess.run([sys.executable, "-m", "bench.texts", *part], check=False)
    if arguments.only in (None, "growing"):
        part = ["--only", *QUICK_GROWING] if arguments.quick else []
        subprocess.run([sys.executable, "-m", "bench.growing", *part], check=False)
    bench.facts["ratios"] = bench.ratios()
    if verdicts := bench.verdicts():
        print(
            f"{f'The relay, {max(loads)} streams':34}{'now':>8}{'must':>8}{'goal':>7}",
            *verdicts,
            sep="\n",
        )
    for name, value in bench.facts.items():
        print(f"{name}: {value:.1f}" if isinstance(value, float) else f"{name}: {value}")
    if arguments.json:
        figures = {"rows": bench.rows, "facts": bench.facts, "machine": platform.platform()}
        figures |= {"messages": messages}
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
