"""The table of the part *messages*: each figure before and now, with its limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

type Figures = dict[str, Any]

WAYS = ("SQLite", "Postgres", "Postgres, separate worker")
LIMITED = WAYS[:2]
"""Ways with limits: one process, whose CPU is compared without that of the database."""


@dataclass(frozen=True)
class Row:
    """One figure, where it is found, and its limits: as a ratio to before, or as a number."""

    name: str
    read: Callable[[Figures], float]
    limits: dict[str, tuple[float, float]]
    """By the way of serving: the limit, and the goal."""
    load: str = ""
    """The load whose messages must all have been answered, where that is a part of the limit."""
    absolute: bool = False
    more_is_better: bool = False
    beside: Callable[[Figures], float] | None = None
    """Another figure of the same run: the limits are so many times that one."""


def _of(load: str, key: str) -> Callable[[Figures], float]:
    return lambda figures: float(figures[load][key])


def _unanswered(load: str) -> Callable[[Figures], float]:
    return lambda figures: float(figures[load]["refused"] + figures[load]["lost"])


def _burst(
    count: int, key: str, sqlite: tuple[float, float] | None, other: tuple[float, float] | None
) -> Row:
    said = key.removesuffix("_ms").replace("first", "first token").replace("_", " ")
    limits = {"SQLite": sqlite, "Postgres": other}
    kept = {way: limit for way, limit in limits.items() if limit is not None}
    load = f"{count} at once"
    return Row(f"{load}: {said}, ms", _of(load, key), kept, load)


def _growth(name: str, key: str, most: float) -> Row:
    """A figure of the long conversation, which must be that of the short one."""
    limits = dict.fromkeys(LIMITED, (most, 1.0))
    short, long = _of("growth, short", key), _of("growth, long", key)
    return Row(f"growth: {name} at 10,000", long, limits, beside=short)


SAME = 1.02
"""Statements of the idle server make the difference."""
BOUNDED = 1.2
"""Of the long conversation one message more is read than fits."""

CPU: dict[str, tuple[float, float]] = {
    "SQLite": (0.45, 0.3),
    "Postgres": (0.4, 0.25),
}
COUNTS = {"SQLite": (20.0, 15.0), "Postgres": (32.0, 24.0)}
KEEPS_UP = dict.fromkeys(LIMITED, (2.5, 4.0))

ROWS = (
    Row("statements per message", _of("statements", "statements"), COUNTS, absolute=True),
    Row("  of them Django's own", _of("statements", "own"), {}),
    Row("  foreign-key checks", _of("statements", "check"), {}),
    Row("  of the job", _of("statements", "job"), {}),
    Row("statements, new conversation", _of("statements, new", "statements"), {}),
    Row("CPU at 20 a second, ms", _of("20 a second", "cpu_ms"), CPU),
    Row("  the worker beside, ms", _of("20 a second", "worker_cpu_ms"), {}),
    Row("  new conversation, ms", _of("20 a second, new", "cpu_ms"), {}),
    Row("  first token p50, ms", _of("20 a second", "first_p50_ms"), {}),
    Row("  first token p99, ms", _of("20 a second", "first_p99_ms"), {}),
    Row("CPU at 2 a second, ms", _of("2 a second", "cpu_ms"), {}),
    Row("  first token p50, ms", _of("2 a second", "first_p50_ms"), {}),
    Row("  accepted p50, ms", _of("2 a second", "accepted_p50_ms"), {}),
    Row("keeps up with, a second", _of("keeps up with", "rate"), KEEPS_UP, more_is_better=True),
    Row("100 at once: refused or lost", _unanswered("100 at once"), {}),
    _burst(100, "first_p50_ms", (0.3, 0.2), (0.3, 0.2)),
    _burst(100, "first_p99_ms", (0.4, 0.25), (0.35, 0.2)),
    _burst(100, "accepted_p50_ms", None, None),
    Row("200 at once: refused or lost", _unanswered("200 at once"), {}),
    _burst(200, "first_p50_ms", None, None),
    _burst(200, "first_p99_ms", None, None),
    Row("growth: statements at 10", _of("growth, short", "statements"), {}),
    _growth("statements", "statements", SAME),
    Row("growth: rows read at 10", _of("growth, short", "rows"), {}),
    _growth("rows read", "rows", BOUNDED),
    Row("growth: SQLite's steps at 10", _of("growth, short", "steps"), {}),
    Row("growth: SQLite's steps at 10,000", _of("growth, long", "steps"), {}),
    Row("growth: CPU at 10, ms", _of("growth, short", "cpu_ms"), {}),
    Row("growth: CPU at 10,000, ms", _of("growth, long", "cpu_ms"), {}),
    Row("growth: first token at 10, ms", _of("growth, short", "first_p50_ms"), {}),
    Row("growth: first token at 10,000, ms", _of("growth, long", "first_p50_ms"), {}),
)

LOADS = (
    "100 at once, new",
    "100 at once",
    "200 at once, new",
    "200 at once",
    "2 a second",
    "2 a second, new",
    "20 a second",
    "20 a second, new",
    "statements",
    "growth, short",
    "growth, long",
)


def _figure(found: dict[str, dict[str, Figures]], version: str, way: str, row: Row) -> float | None:
    try:
        return row.read(found[version][way])
    except KeyError:
        return None


def _number(value: float | None, width: int = 10) -> str:
    if value is None:
        return " " * width
    return f"{value:{width}.1f}" if abs(value) < 1000 else f"{value:{width},.0f}"


def held(row: Row, figures: Figures, ratio: float | None, limit: float) -> bool | None:
    """Tell if a figure keeps its limit; None where there is nothing to compare it with."""
    if row.load and _unanswered(row.load)(figures):
        return False  # the others were fast because of those
    value = row.read(figures) if row.absolute else ratio
    if row.beside is not None:
        value = row.read(figures) / max(1.0, row.beside(figures))
    if value is None:
        return None
    return value >= limit if row.more_is_better else round(value, 2) <= limit


def show(found: dict[str, dict[str, Figures]], commit: str) -> None:
    """Print the table."""
    for way in WAYS:
        if not any(way in ways for ways in found.values()):
            continue
        redis = "" if way == "SQLite" else ", with Valkey"
        print(
            f"\n{way + redis:34}{commit:>10}{'now':>10}{'ratio':>8}{'must':>8}{'goal':>7}", end=""
        )
        print(f"{'':9}{'naive':>10}")
        for row in ROWS:
            _show_row(found, way, row)
    for version, ways in found.items():
        for way, figures in ways.items():
            _show_trouble(f"{version}, {way}", figures)


def _show_row(found: dict[str, dict[str, Figures]], way: str, row: Row) -> None:
    before, now, naive = (_figure(found, v, way, row) for v in ("before", "now", "naive"))
    if before is None and now is None:
        return
    ratio = now / before if now is not None and before else None
    line = f"{row.name:34}{_number(before)}{_number(now)}"
    line += f"{ratio:8.2f}" if ratio is not None else " " * 8
    if limits := row.limits.get(way):
        line += f"{limits[0]:8g}{limits[1]:7g}"
        kept = None if now is None else held(row, found["now"][way], ratio, limits[0])
        line += {True: "  held   ", False: "  MISSED ", None: " " * 9}[kept]
    elif naive is not None:
        line += " " * 24
    print(line + _number(naive) if naive is not None else line.rstrip())


def _show_trouble(name: str, figures: Figures) -> None:
    for load in LOADS:
        row = figures.get(load, {})
        if row.get("lost") or row.get("refused"):
            lost, refused = row["lost"], row.get("refused", 0)
            said = "; ".join(row["problems"])
            print(f"{name}, {load}: {lost} lost, {refused} refused: {said}")
