"""What is counted for operators, as Prometheus reads it. Nothing is counted per token or frame.

Counters go up where something ends; gauges are read from the live objects when somebody asks.
Names in labels come from the catalogue of models and from our own code, never from a client.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE"]

LAG_SECONDS = 0.5
"""Between two looks at the event loop's clock."""

registry = CollectorRegistry()
ProcessCollector(registry=registry)

REPLIES = Counter(
    "parley_replies",
    "Attempts that ended in this process, by the state and the error code of their end.",
    ["state", "code"],
    registry=registry,
)
FIRST_TOKEN = Histogram(
    "parley_first_token_seconds",
    "From the claim of a reply to its first token.",
    ["endpoint"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60),
    registry=registry,
)
TOKENS = Counter(
    "parley_tokens",
    "Tokens of ended replies, as endpoints count them; estimated where they do not.",
    ["endpoint", "model", "kind"],
    registry=registry,
)
UPSTREAM_ERRORS = Counter(
    "parley_upstream_errors",
    "Requests to an endpoint that failed, also those asked again.",
    ["endpoint", "code"],
    registry=registry,
)
RETRIES = Counter(
    "parley_upstream_retries",
    "Requests to an endpoint that were made again within one attempt.",
    ["endpoint"],
    registry=registry,
)
TAKE_OVERS = Counter(
    "parley_takeovers",
    "Replies without a living producer that this process queued again or ended.",
    registry=registry,
)
CHECKPOINTS = Histogram(
    "parley_checkpoint_seconds",
    "How long it took to store what all running replies had that was new.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=registry,
)
LAG = Histogram(
    "parley_event_loop_lag_seconds",
    "How late the event loop was, looked at twice a second.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    registry=registry,
)


def count_end(endpoint: str, model: str, state: str, code: str, outcome: Any) -> None:
    """Count the stored end of an attempt. The names are the catalogue's, "" where it has none."""
    REPLIES.labels(state, code).inc()
    if outcome.first_token_ms is not None:
        FIRST_TOKEN.labels(endpoint).observe(outcome.first_token_ms / 1000)
    for kind in ("prompt", "completion"):
        if count := (outcome.usage or {}).get(f"{kind}_tokens"):
            TOKENS.labels(endpoint, model, kind).inc(count)


def count_error(endpoint: str, code: str, *, again: bool) -> None:
    """Count a request that failed, and whether it is made again."""
    UPSTREAM_ERRORS.labels(endpoint, code).inc()
    if again:
        RETRIES.labels(endpoint).inc()


class Lag:
    """Looks at the event loop's clock from `start` to `stop`."""

    def __init__(self) -> None:
        self.worst = 0.0
        """Since it was last taken."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="lag")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            late = max(loop.time() - due, 0.0)
            self.worst = max(self.worst, late)
            LAG.observe(late)

    def take(self) -> float:
        worst, self.worst = self.worst, 0.0
        return worst


lag = Lag()


class Live(Collector):
    """What stands now, read from this process's live objects."""

    def __init__(self, process: Any) -> None:
        self._process = process

    def collect(self) -> Iterator[Metric]:
        process = self._process
        lives = process.following.lives()
        hints, copies = getattr(process, "hints", None), getattr(process, "copies", None)
        everybody = [one for group in process.connections.values() for one in group]
        streams = Tally({"sse": 0, "ndjson": 0})
        streams.update(one.form for one in everybody if hasattr(one, "form"))
        for name, text, value in (
            ("replies_live", "Replies produced here now.", len(process.dispatch.held())),
            ("replies_followed", "Unfinished replies known here, also to followers.", len(lives)),
            ("followers", "Readers of them.", sum(len(live.followers) for live in lives)),
            ("sockets", "Open sockets.", len(everybody) - streams.total()),
            ("tasks", "Tasks of its event loop.", _tasks()),
            ("draining", "1 while it ends.", process.draining),
            ("event_loop_lag_worst_seconds", "Since the last scrape.", lag.take()),
        ):
            yield GaugeMetricFamily(f"parley_{name}", text, float(value))
        open_streams = GaugeMetricFamily("parley_streams", "Streams over HTTP.", labels=["form"])
        for form, number in streams.items():
            open_streams.add_metric([form], number)
        yield open_streams
        for name, text, count in (
            ("gaps_healed", "Missing text that a copy got later.", _at(copies, "gaps_healed")),
            ("layer_messages_dropped", "Hints that were not sent.", _at(hints, "dropped")),
        ):
            yield CounterMetricFamily(f"parley_{name}", text, count)


def _tasks() -> int:
    """The tasks of this thread's event loop; 0 where none runs."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0


def _at(owner: object, name: str) -> float:
    """A plain number that an object counts; 0 where there is no such object."""
    return float(getattr(owner, name, 0))


class Labelled(Collector):
    """Others, with one more label on each sample."""

    def __init__(self, collectors: Iterable[Collector], **labels: str) -> None:
        self._collectors = collectors
        self._labels = labels

    def collect(self) -> Iterator[Metric]:
        for collector in self._collectors:
            for metric in collector.collect():
                metric.samples = [
                    sample._replace(labels={**sample.labels, **self._labels})
                    for sample in metric.samples
                    if not sample.name.endswith("_created")  # half as many lines
                ]
                yield metric


def page(process: Any, name: str) -> bytes:
    """Everything, as text; `name` tells this process from others behind the same address."""
    return generate_latest(Labelled([registry, Live(process)], process=name))
