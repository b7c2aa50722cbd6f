"""Measures of one system: the loads, one after the other, and their results."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from bench.messages.systems import Load, System

KEEPS_UP_MS = 500
"""The first token comes that soon for 99 of 100 messages, as long as a server keeps up."""


@dataclass
class Plan:
    """The extent of the measurement."""

    people: int
    bursts: tuple[int, ...]
    seconds: float
    """Length of a load at a rate."""
    rates: tuple[int, ...]
    new: bool
    """True if conversations are begun at the rates as well."""
    search: bool
    series: int
    """Messages whose statements are counted."""
    growth: bool
    naive: bool
    separate: bool


QUICK = Plan(100, (100,), 3, (20,), new=False, search=False, series=3, growth=False, naive=False,
             separate=False)  # fmt: skip
FULL = Plan(200, (100, 200), 8, (2, 20), new=True, search=True, series=12, growth=True, naive=True,
            separate=True)  # fmt: skip


def idle_cpu(system: System, seconds: float = 2) -> tuple[float, float]:
    """The share of a processor that web process and worker take while nobody sends anything."""
    before = system.cpu()
    time.sleep(seconds)
    web, worker = (b - a for a, b in zip(before, system.cpu(), strict=True))
    return web / seconds, worker / seconds


def measure(system: System, load: Load, plan: Plan) -> dict[str, Any]:
    """All loads of a plan. CPU is without that of the idle server in the same time."""
    found: dict[str, Any] = {}
    load.order("series", 2, new=True)  # the worker beside has started then, too
    for count in plan.bursts:
        found[f"{count} at once, new"] = load.order("burst", count, new=True)
        _rest(system)
    if plan.people > max(plan.bursts):
        load.order("rate", plan.people, rate=20, new=True)
    for count in plan.bursts:
        found[f"{count} at once"] = load.order("burst", count)
        _rest(system)
    web, worker = idle_cpu(system)
    found["idle"] = {"cpu": web, "worker_cpu": worker}
    for rate in plan.rates:
        for new in (False, True) if plan.new else (False,):
            row = load.order("rate", int(rate * plan.seconds), rate=rate, new=new)
            each = row["seconds"] / max(1, row["messages"]) * 1000
            row["cpu_ms"] -= web * each
            row["worker_cpu_ms"] -= worker * each
            found[f"{rate} a second{', new' if new else ''}"] = row
            _rest(system)
    if plan.search:
        found["keeps up with"] = {"rate": keeps_up_with(system, load)}
    return found


def _rest(system: System, seconds: float = 20) -> None:
    """Wait until the work of the last load is done."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if sum(idle_cpu(system, 0.5)) < 0.2:
            return


def keeps_up_with(system: System, load: Load, seconds: float = 4) -> float:
    """The highest rate of messages at which the server keeps up, within an eighth."""

    def holds(rate: float) -> bool:
        _rest(system)
        row = load.order("rate", int(rate * seconds), rate=rate, impatient=True)
        whole = row["messages"] == int(rate * seconds) and not row["lost"] + row["refused"]
        return bool(whole and row["first_p99_ms"] <= KEEPS_UP_MS)

    low, high = 0.0, 16.0
    while holds(high):
        low, high = high, high * 1.6
        if high > 500:
            return low
    if not low:
        low = 2.0
    while high / low > 1.125:
        middle = (low * high) ** 0.5
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
