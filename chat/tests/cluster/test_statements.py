"""Cost of a message on Postgres: statements of the server, and checks that Postgres makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat.tests.cluster.conftest import MakeCluster
from chat.tests.cluster.rows import Rows
from chat.tests.live.client import client
from chat.tests.live.server import SLOW
from chat.tests.live.statements import QUIET, lengthen, life
from chat.tests.postgres import Postgres

pytestmark = pytest.mark.asyncio

MOST = 28
"""From the send to the end, with one checkpoint and the checks of foreign keys."""

LINE = re.compile(r"~(\w+)~ LOG: +(?:statement|execute [^:]*): (.*)")
CHECK = re.compile(r"~(\w+)~ LOG: +(check of \w+)")
POLL = re.compile(r"procrastinate_(?!defer)")
"""The worker looks for jobs now and then, whatever is sent."""

FUNCTION = """
CREATE FUNCTION tell_check() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE LOG 'check of %', TG_ARGV[0]; RETURN NULL; END $$
"""
KEYS = """
SELECT c.conname AS name, c.conrelid::regclass::text AS tab, a.attname AS col
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f' AND c.conrelid::regclass::text LIKE 'chat%'
"""


def tell_checks(rows: Rows) -> None:
    """Have the log tell of each check of a foreign key: nothing else shows one."""
    rows.change(FUNCTION)
    for key in rows.rows(KEYS):
        table, column = key["tab"], key["col"]
        make = f"CREATE CONSTRAINT TRIGGER tell_{key['name'][:40]}"
        tell = f"EXECUTE FUNCTION tell_check('{key['name']}')"
        each = f"ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN"
        new = f"NEW.{column} IS NOT NULL"
        changed = f"{new} AND NEW.{column} IS DISTINCT FROM OLD.{column}"
        rows.change(f"{make}_i AFTER INSERT {each} ({new}) {tell}")
        rows.change(f"{make}_u AFTER UPDATE {each} ({changed}) {tell}")


class Log:
    """The log of Postgres, as far as it is about one database."""

    def __init__(self, postgres: Postgres, database: str) -> None:
        self._file = Path(str(postgres.directory / "log"))
        self._database = database
        self._at = 0

    def read(self) -> list[str]:
        """Statements and checks since it was read last."""
        with self._file.open(errors="replace") as lines:
            lines.seek(self._at)
            text = lines.read()
            self._at = lines.tell()
        found = []
        for line in " ".join(text.replace("\n\t", " ").split(" ")).splitlines():
            seen = LINE.match(line) or CHECK.match(line)
            if seen and seen[1] == self._database and not POLL.search(seen[2]):
                found.append(" ".join(re.sub(r"\$\d+|'[^']*'|\b\d+\b", "?", seen[2]).split()))
        return found


@contextmanager
def logged(postgres: Postgres, database: str) -> Iterator[Log]:
    """Every statement is logged, for as long as this lasts."""
    for setting in ("log_statement = 'all'", "log_line_prefix = '~%d~ '"):
        postgres.ask(f"ALTER SYSTEM SET {setting}")
    postgres.ask("SELECT pg_reload_conf()")
    try:
        yield Log(postgres, database)
    finally:
        postgres.ask("ALTER SYSTEM RESET ALL")
        postgres.ask("SELECT pg_reload_conf()")


async def test_a_message_takes_few_statements_in_a_conversation_of_any_length(
    make_cluster: MakeCluster, postgres: Postgres
) -> None:
    cluster = make_cluster(1, **QUIET)
    rows = cluster.database
    tell_checks(rows)
    alice = rows.add_person("alice")
    with logged(postgres, rows.name) as log:
        async with client(cluster.webs[0], alice) as page:
            first = await page.send("Hello", SLOW)
            await page.end(first["reply"])
            _, second = await life(page, log.read, SLOW, first)
            short, third = await life(page, log.read, SLOW, second)
            last = lengthen(rows, third["reply"], 2000)
            long, _ = await life(page, log.read, SLOW, third | {"reply": last})
    assert sorted(short) == sorted(long)
    checks = [sql for sql in short if sql.startswith("check of")]
    assert len(checks) >= 5
    assert 15 < len(short) <= MOST, "\n".join(short)
