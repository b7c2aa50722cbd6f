"""Statements of a running system, counted where they are carried out.

With SQLite the server notes its own (`served/counted.py`). With Postgres the database logs what
clients send; triggers log the rest: each check of a foreign key, and each change within a function
of the queue. Reads within such a function are not seen. A check is counted for a row that is new or
refers to another one, once in a transaction, and for what refers to a deleted row: as Postgres does
it, which has nothing to count them by.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bench.messages.systems import Load, System, postgres

CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")
SETTLE = 0.5


@dataclass
class Count:
    """Statements of each text, and steps of SQLite's machine."""

    statements: Counter[str] = field(default_factory=Counter)
    steps: int = 0


class Source(Protocol):
    """Something that notes statements while it is open."""

    def begin(self) -> None:
        """Note from now on."""

    def end(self) -> Count:
        """Stop noting, and return the statements."""


class Noted:
    """The file of `served/counted.py`."""

    def __init__(self, system: System) -> None:
        self._pid = system.web.pid
        self._path = Path(system.environment["BENCH_STATEMENTS"])
        self._at = 0

    def begin(self) -> None:
        self._at = self._path.stat().st_size
        self._switch()

    def end(self) -> Count:
        self._switch()
        found = Count()
        with self._path.open() as file:
            file.seek(self._at)
            for line in file:
                steps, _, sql = line.rstrip("\n").partition("\t")
                found.steps += int(steps)
                if not sql.upper().startswith(CONTROL):
                    found.statements[shape(sql)] += 1
        return found

    def _switch(self) -> None:
        os.kill(self._pid, signal.SIGUSR2)
        time.sleep(SETTLE / 5)


LINE = re.compile(r"^~([^~]*)~ LOG: +(?:statement|execute [^:]*): (.*)$")
TRIGGER = re.compile(r"^~([^~]*)~ LOG: +counted: (.*)$")

FUNCTION = """
CREATE OR REPLACE FUNCTION bench_counted() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE LOG 'counted: %', TG_ARGV[0]; RETURN NULL; END $$
"""
FOREIGN_KEYS = """
SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text, a.attname, c.confdeltype
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f'
"""
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'procrastinate%'"


def foreign_key_triggers(
    number: int, name: str, table: str, other: str, column: str, on_delete: str
) -> list[str]:
    """Triggers that fire when Postgres checks this foreign key."""
    said = f"EXECUTE FUNCTION bench_counted('check {name}')"
    deferred = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    make = f"CREATE CONSTRAINT TRIGGER zz_bench_{number}"
    found = [
        f"{make}_i AFTER INSERT ON {table} {deferred} WHEN (NEW.{column} IS NOT NULL) {said}",
        f"{make}_u AFTER UPDATE ON {table} {deferred} WHEN (NEW.{column} IS NOT NULL AND"
        f" NEW.{column} IS DISTINCT FROM OLD.{column}) {said}",
    ]
    # What a function of the queue deletes or empties by a foreign key is seen as a change.
    if on_delete in ("a", "r") or not table.startswith("procrastinate"):
        found.append(f"{make}_d AFTER DELETE ON {other} {deferred} {said}")
    return found


class Logged:
    """The log of Postgres."""

    def __init__(self, database: str) -> None:
        self._name = database
        self._path = Path(str(postgres().directory / "log"))
        self._at = 0
        self._ask(FUNCTION)
        keys = self._ask(FOREIGN_KEYS)
        for number, key in enumerate(keys):
            values = [value.decode() if isinstance(value, bytes) else value for value in key]
            for trigger in foreign_key_triggers(number, *values):
                self._ask(trigger)
        for (table,) in self._ask(TABLES):
            for change in ("INSERT", "UPDATE", "DELETE"):
                self._ask(
                    f"CREATE TRIGGER zz_bench_{change} AFTER {change} ON {table} FOR EACH STATEMENT"
                    f" EXECUTE FUNCTION bench_counted('within {change} {table}')"
                )
        postgres().ask("ALTER SYSTEM SET log_line_prefix = '~%d~ '")

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        return postgres().ask(sql, name=self._name)

    def begin(self) -> None:
        self._log("all")
        self._at = self._path.stat().st_size

    def end(self) -> Count:
        self._log("none")
        found = Count()
        text = ""
        with self._path.open(errors="replace") as file:
            file.seek(self._at)
            for line in [*file, "~~ "]:
                if line.startswith("\t"):
                    text += f" {line.strip()}"
                    continue
                self._take(text, found)
                text = line.rstrip("\n")
        return found

    def _take(self, text: str, found: Count) -> None:
        if seen := TRIGGER.match(text):
            if seen[1] == self._name:
                found.statements[seen[2]] += 1
        elif (seen := LINE.match(text)) and seen[1] == self._name:
            sql = shape(seen[2])
            if sql and not sql.upper().startswith((*CONTROL, "DEALLOCATE")):
                found.statements[sql] += 1

    def _log(self, what: str) -> None:
        postgres().ask(f"ALTER SYSTEM SET log_statement = '{what}'")
        postgres().ask("SELECT pg_reload_conf()")
        time.sleep(SETTLE)

    def rows_read(self) -> int:
        """Rows that all tables together have given, by scans and by indexes, so far."""
        time.sleep(11)  # a server process that has nothing to do reports its own within ten
        sums = "coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0)"
        return int(self._ask(f"SELECT {sums} FROM pg_stat_user_tables")[0][0])


LITERALS = re.compile(r"'(?:[^']|'')*'(?:::\w+)?|\b\d[\d.]*\b|%s|\$\d+")
LISTS = re.compile(r"\(\?(?:, ?\?)*\)")


def shape(sql: str) -> str:
    """A statement without its values, as short as it stays unique."""
    found = LISTS.sub("(?)", LITERALS.sub("?", " ".join(sql.split())))
    found = re.sub(r"^SELECT .{80,}? FROM ", "SELECT … FROM ", found)
    return found[:300]


def per_message(source: Source, load: Load, count: int, **order: Any) -> dict[str, Any]:
    """Statements of a message, without those of the idle server in the same time."""
    load.order("series", 1, **order)
    if "parent" in order:
        order = {"person": order["person"]}  # go on from there
    source.begin()
    begin = time.monotonic()
    result = load.order("series", count, **order)
    seconds = time.monotonic() - begin
    busy = source.end()
    source.begin()
    time.sleep(seconds)
    idle = source.end()
    each = {sql: (n - idle.statements[sql]) / count for sql, n in busy.statements.items()}
    groups = {"check": 0.0, "job": 0.0, "own": 0.0}
    for sql, number in each.items():
        groups[_group(sql)] += number
    return {
        "statements": sum(groups.values()),
        **groups,
        "steps": (busy.steps - idle.steps) * 100 / count,
        "lost": result["lost"],
        "problems": result["problems"],
        "first_p50_ms": result["first_p50_ms"],
        "cpu_ms": result["cpu_ms"],
        "each": dict(sorted(each.items(), key=lambda pair: -pair[1])),
    }


def _group(sql: str) -> str:
    if "procrastinate" in sql:
        return "job"
    return "check" if sql.startswith("check ") else "own"
