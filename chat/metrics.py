"""Metrics for operators, in Prometheus' format. Nothing is counted per token or frame.

Counters go up where something ends; gauges are read from the live objects when somebody asks.
Names in labels come from the catalogue of models and from our own code, never from a client.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
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
TITLES = Counter(
    "parley_titles",
    "Titles asked of models, by result: only `stored` ones are shown.",
    ["result"],
    registry=registry,
)
TITLE_TOKENS = Counter(
    "parley_title_tokens",
    "Tokens of titles, which no reply counts; estimated where the endpoint does not say.",
    ["endpoint", "model", "kind"],
    registry=registry,
)
TITLE_COST = Counter(
    "parley_title_cost_dollars",
    "Cost of titles in US dollars, where the model has prices.",
    ["endpoint", "model"],
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


REQUESTS = Counter(
    "parley_requests",
    "Answered requests, by method, route and status; 499 where the client left before.",
    ["method", "route", "status"],
    registry=registry,
)
REQUEST_SECONDS = Histogram(
    "parley_request_seconds",
    "Until the answer was there; of a stream, until it began.",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request. The route is a pattern of ours, "" where none matched."""
    REQUESTS.labels(method if method in METHODS else "other", route, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def count_end(endpoint: str, model: str, state: str, code: str, outcome: Any) -> None:
    """Count the stored end of an attempt. The names are the catalogue's, "" where it has none."""
    REPLIES.labels(state, code).inc()
    if outcome.first_token_ms is not None:
        FIRST_TOKEN.labels(endpoint).observe(outcome.first_token_ms / 1000)
    for kind in ("prompt", "completion"):
        if count := (outcome.usage or {}).get(f"{kind}_tokens"):
            TOKENS.labels(endpoint, model, kind).inc(count)


def count_title(endpoint: str, model: str, usage: Mapping[str, Any], cost: Decimal | None) -> None:
    """Count one request for a title, whatever became of it."""
    for kind in ("prompt", "completion"):
        if count := usage.get(f"{kind}_tokens"):
            TITLE_TOKENS.labels(endpoint, model, kind).inc(count)
    if cost:
        TITLE_COST.labels(endpoint, model).inc(float(cost))


def count_error(endpoint: str, code: str, *, again: bool) -> None:
    """Count a request that failed, and whether it is made again."""
    UPSTREAM_ERRORS.labels(endpoint, code).inc()
    if again:
        RETRIES.labels(endpoint).inc()


class Lag:
    """Looks at the event loop's clock from `start` to `stop`."""

    def __init__(self) -> None:
        self.worst = 0.0
        """The maximum since the last reading."""
        self._late = 0.0
        self._due = float("inf")
        self._task: asyncio.Task[None] | None = None

    @property
    def lately(self) -> float:
        """Seconds by which the loop was late when it was looked at last, or is now; any thread."""
        return max(self._late, time.monotonic() - self._due)

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="lag")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._due = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            self._late = max(loop.time() - self._due, 0.0)
            self.worst = max(self.worst, self._late)
            LAG.observe(self._late)

    def take(self) -> float:
        worst, self.worst = self.worst, 0.0
        return worst


lag = Lag()


class Live(Collector):
    """Gauges read from this process's live objects."""

    def __init__(self, process: Any) -> None:
        self._process = process

    def collect(self) -> Iterator[Metric]:
        process = self._process
        lives = process.following.lives()
        notifications, replicas = (
            getattr(process, "notifications", None),
            getattr(process, "replicas", None),
        )
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
            ("gaps_healed", "Missing text that a replica got later.", _at(replicas, "gaps_healed")),
            (
                "layer_messages_dropped",
                "Notifications that were not sent.",
                _at(notifications, "dropped"),
            ),
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


@dataclass(frozen=True)
class Waiting:
    """The replies that no process has begun, of all users, as the database has them."""

    number: int
    seconds: float
    """Seconds for which the oldest of them has waited."""


class Around(Collector):
    """Gauges around the process: its build, the queue it shares, its pool of connections."""

    def __init__(
        self, build: Mapping[str, str], waiting: Waiting | None, pool: Mapping[str, int] | None
    ) -> None:
        self._build, self._waiting, self._pool = build, waiting, pool

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("parley_build", "What runs.", value=dict(self._build))
        if self._waiting is not None:
            for name, text, value in (
                ("replies_queued", "Replies that wait, in all processes.", self._waiting.number),
                ("queue_oldest_seconds", "How long the oldest waits.", self._waiting.seconds),
            ):
                yield GaugeMetricFamily(f"parley_{name}", text, float(value))
        if self._pool is not None:
            yield from self._connections(self._pool)

    def _connections(self, stats: Mapping[str, int]) -> Iterator[Metric]:
        size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
        connections = GaugeMetricFamily(
            "parley_database_connections", "Of Django's pool, by use.", labels=["state"]
        )
        connections.add_metric(["used"], size - idle)
        connections.add_metric(["idle"], idle)
        yield connections
        for name, text, key in (
            ("limit", "The most there may be.", "pool_max"),
            ("waiting", "Who waits for one now.", "requests_waiting"),
        ):
            family = f"parley_database_connections_{name}"
            yield GaugeMetricFamily(family, text, float(stats.get(key, 0)))


def page(
    process: Any,
    name: str,
    *,
    build: Mapping[str, str] | None = None,
    waiting: Waiting | None = None,
    pool: Mapping[str, int] | None = None,
) -> bytes:
    """All metrics as text; `name` is this process among others behind the same address.

    It is the same after a restart: a new one would begin new series each time.
    """
    around = Around(build or {}, waiting, pool)
    return generate_latest(Labelled([registry, Live(process), around], process=name))
