"""The part *messages*: this tree, an earlier commit and a naive consumer under the same loads."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.messages.baseline import COMMIT, checkout
from bench.messages.counting import Logged, Noted, Source, per_message
from bench.messages.measures import FULL, QUICK, Plan, measure
from bench.messages.systems import (
    IN_A_SECOND,
    Load,
    Place,
    System,
    load,
    manage,
    postgres_place,
    serving,
    sqlite_place,
)
from bench.messages.table import show
from bench.servers import ROOT

CALM = {"LEASE_SECONDS": "600", "SESSION_CHECK_SECONDS": "300"}
"""Settings with which an idle server asks its database for next to nothing."""
CONTEXT = "1500"
"""Tokens of the model's context where growth is measured: the last ten messages fit."""
GROWTH_SERIES = 5

type Figures = dict[str, Any]
type Found = dict[str, dict[str, Figures]]
"""By version (`now`, `before`, `naive`), and by the way of serving."""


class Comparison:
    """One run."""

    def __init__(self, plan: Plan, url: str, folder: Path) -> None:
        self.plan, self.url, self.folder = plan, url, folder
        self.found: Found = {}
        self.trees = {"before": checkout(folder), "now": ROOT}

    def run(self) -> Found:
        """All systems, each just after the same one of the earlier commit."""
        if self.trees["before"] is None:
            print(f"There is no commit {COMMIT} here: figures without what they were before.")
        trees = {version: tree for version, tree in self.trees.items() if tree is not None}
        for name in ("SQLite", "Postgres"):
            for version, tree in trees.items():
                with self._place(name) as place:
                    self._try(version, name, tree, place)
                    self._count(version, name, tree, place)
        if self.plan.separate:
            for version, tree in trees.items():
                with self._place("Postgres") as place:
                    self._try(version, "Postgres, separate worker", tree, place, worker=True)
        if self.plan.growth:
            for name in ("SQLite", "Postgres"):
                for version, tree in trees.items():
                    with self._place(name) as place:
                        self._grow(version, name, tree, place)
        if self.plan.naive:
            for name in ("SQLite", "Postgres"):
                with self._place(name) as place:
                    self._try("naive", name, ROOT, place, application="naive:application")
        return self.found

    @contextmanager
    def _place(self, name: str) -> Iterator[Place]:
        place = sqlite_place(self.folder) if name == "SQLite" else postgres_place()
        try:
            yield place
        finally:
            place.drop()

    def _note(self, version: str, name: str, figures: Figures) -> None:
        self.found.setdefault(version, {}).setdefault(name, {}).update(figures)

    def _try(self, version: str, name: str, tree: Path, place: Place, **how: Any) -> None:
        began = time.monotonic()
        people = self.plan.people
        with (
            serving(tree, place, self.url, people, self.folder, **how) as system,
            load(system, people=people) as crowd,
        ):
            figures = measure(system, crowd, self.plan)
        self._note(version, name, figures)
        print(f"  {version}, {name}: loads in {time.monotonic() - began:.0f} s", flush=True)

    @contextmanager
    def _counted(
        self, tree: Path, place: Place, *, steps: bool = False, **more: Any
    ) -> Iterator[tuple[System, Load, Source]]:
        """A system whose statements can be counted, and two of its people."""
        more |= CALM
        noted = self.folder / f"statements-{time.monotonic_ns()}"
        if not place.redis_url:
            more |= {"application": "counted:application", "BENCH_STATEMENTS": str(noted)}
            more |= {"BENCH_STEPS": "1"} if steps else {}
        with (
            serving(tree, place, self.url, 2, self.folder, **more) as system,
            load(system, IN_A_SECOND, 2) as crowd,
        ):
            database = place.database_url.rpartition("/")[2]
            yield system, crowd, Logged(database) if place.redis_url else Noted(system)

    def _count(self, version: str, name: str, tree: Path, place: Place) -> None:
        with self._counted(tree, place) as (_, crowd, source):
            crowd.order("burst", 2, new=True)
            for kind, new in (("", False), (", new", True)) if self.plan.new else (("", False),):
                figures = per_message(source, crowd, self.plan.series, new=new)
                self._note(version, name, {f"statements{kind}": figures})

    def _grow(self, version: str, name: str, tree: Path, place: Place) -> None:
        """The same message in a short and in a long conversation of a large database."""
        script = str(ROOT / "bench" / "messages" / "fill.py")
        places: list[list[str]] = []

        def fill(given: dict[str, str]) -> None:
            places.extend(json.loads(manage(tree, given, script)))

        how: dict[str, Any] = {"steps": True, "ENDPOINT_OPENAI_CONTEXT": CONTEXT, "prepare": fill}
        with self._counted(tree, place, **how) as (_, crowd, source):
            for kind, (conversation, leaf) in zip(("short", "long"), places, strict=True):
                order = {"person": 0, "conversation": conversation, "parent": leaf}
                before = source.rows_read() if isinstance(source, Logged) else 0
                figures = per_message(source, crowd, GROWTH_SERIES, **order)
                if isinstance(source, Logged):
                    # One more message was sent before those that count.
                    rows = source.rows_read() - before
                    figures["rows"] = rows / (GROWTH_SERIES + 1)
                self._note(version, name, {f"growth, {kind}": figures})


def compare(url: str, folder: Path, *, quick: bool) -> dict[str, Any]:
    """Run the part and print its table; all figures."""
    plan = QUICK if quick else FULL
    print("\nWhat a message costs before and beside its tokens", flush=True)
    found = Comparison(plan, url, folder).run()
    show(found, COMMIT)
    return {"plan": dataclasses.asdict(plan), "commit": COMMIT, "found": found}
