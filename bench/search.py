"""Time of a search among 1,000,000 messages: `python -m bench.search`, on SQLite and Postgres.

Fills a database of its own with texts of made-up words, as frequent as those of a language, by bulk
SQL; half of the messages are one user's. Prints the server's time per search, in milliseconds, and
the size of the index beside that of the texts.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
POOL = 20_000
VOCABULARY = 60_000
WORDS = 60
"""Words of a text."""
PEOPLE = 100
TURNS = 10
"""Messages of a conversation."""
TRIES = 7

SERIES = {
    "sqlite": "WITH RECURSIVE series (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM series"
    " WHERE i + 1 < {count}) ",
    "postgresql": "WITH series AS (SELECT i FROM generate_series(0, {count} - 1) AS i) ",
}


def vocabulary() -> list[str]:
    """Words, the most frequent first; seeded, so that each run has the same."""
    chance = random.Random(7)
    letters = "etaoinshrdlucmfwypvbgkäöüé"
    return ["".join(chance.choices(letters, k=chance.randint(2, 10))) for _ in range(VOCABULARY)]


def fill(messages: int) -> tuple[int, int]:
    """Store conversations and their words; returns bytes of the texts and of the index."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.utils import timezone

    from chat.models import Conversation, Message, SearchState
    from chat.models.search_index import entry

    words = vocabulary()
    chance = random.Random(8)
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(words))))
    users = [User.objects.create(username=f"person-{number}") for number in range(PEOPLE)]
    now = timezone.now()
    chat = Conversation.objects.create(owner=users[0], title="template", updated=now)
    model = Message.objects.create(
        conversation=chat, user=users[0], role="assistant", status="complete", ended=now
    )
    own = {"id", "uid", "conversation_id", "user_id", "text", "depth"}
    columns = [f.column for f in Message._meta.concrete_fields if f.column not in own]
    names = [str(f.column) for f in Conversation._meta.concrete_fields]
    chats = messages // TURNS
    series = SERIES[str(connection.vendor)]
    uid = "lower(hex(randomblob(16)))" if connection.vendor == "sqlite" else "gen_random_uuid()"
    person = f"(CASE WHEN i % 2 = 0 THEN {users[0].pk} ELSE {users[0].pk} + (i / 2) % {PEOPLE} END)"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE pool (n integer PRIMARY KEY, text text, words text)")
        rows = []
        for number in range(POOL):
            text = " ".join(chance.choices(words, cum_weights=weights, k=WORDS)).capitalize()
            rows.append((number, text, entry(0, 0, text).words))
        cursor.executemany("INSERT INTO pool VALUES (%s, %s, %s)", rows)
        values = {
            "id": f"{chat.pk} + 1 + i", "uid": uid, "owner_id": person,
            "title_words": "' ' || lower(substr(pool.text, 1, 40)) || ' '",
        }  # fmt: skip
        values["title"] = "substr(pool.text, 1, 40)"
        chosen = ", ".join(values.get(name, f'c."{name}"') for name in names)
        cursor.execute(
            series.format(count=chats)
            + f"INSERT INTO chat_conversation ({', '.join(f'"{name}"' for name in names)})"
            f" SELECT {chosen} FROM series JOIN pool ON pool.n = (i * 7) % {POOL}"
            f" CROSS JOIN chat_conversation c WHERE c.id = {chat.pk}"
        )
        same = ", ".join(f'm."{name}"' for name in columns)
        listed = ", ".join(f'"{name}"' for name in columns)
        # The turns of a conversation lie between those of others, as they do in a busy server.
        place = f"{chat.pk} + 1 + (i % {chats})"
        owner = person.replace("i %", f"(i % {chats}) %").replace("(i /", f"((i % {chats}) /")
        cursor.execute(
            series.format(count=messages)
            + f"INSERT INTO chat_message (id, uid, conversation_id, user_id, text, {listed})"
            f" SELECT {model.pk} + 1 + i, {uid}, {place}, {owner}, pool.text || ' rare' || i,"
            f" {same}"
            f" FROM series JOIN pool ON pool.n = (i * 13) % {POOL}"
            f" CROSS JOIN chat_message m WHERE m.id = {model.pk}"
        )
        cursor.execute("SELECT SUM(LENGTH(text)) FROM chat_message")
        size = int(cursor.fetchone()[0])
        before = stored(cursor)
        if connection.vendor == "sqlite":
            spoken, whose = "pool.words || ' rare' || i", f"'u' || {owner}"
        else:
            spoken, whose = "(pool.words || ' ''rare' || i || ''':61')::tsvector", owner
        cursor.execute(
            series.format(count=messages) + "INSERT INTO chat_messagewords (rowid, owner, words)"
            f" SELECT {model.pk} + 1 + i, {whose}, {spoken}"
            f" FROM series JOIN pool ON pool.n = (i * 13) % {POOL} ORDER BY i"
        )
        index = stored(cursor) - before
        cursor.execute("ANALYZE")
    SearchState._base_manager.update_or_create(pk=1, defaults={"below": 0})
    return size, index


def stored(cursor: Any) -> int:
    """Bytes of the database that are in use by the index (SQLite: by all)."""
    from django.db import connection

    if connection.vendor == "sqlite":
        cursor.execute("PRAGMA page_count")
        return int(cursor.fetchone()[0]) * 4096
    cursor.execute("SELECT pg_total_relation_size('chat_messagewords')")
    return int(cursor.fetchone()[0])


def measure(messages: int) -> None:
    """Fill, search and print."""
    from django.contrib.auth.models import User
    from django.db import connection

    from chat.models.search.query import find, find_in

    begun = time.monotonic()
    size, index = fill(messages)
    print(
        f"{connection.vendor}: {messages:,} messages, {size / 1e6:.0f} MB of text, index"
        f" {index / 1e6:.0f} MB ({index / size:.2f} of the text),"
        f" filled in {time.monotonic() - begun:.0f} s",
        flush=True,
    )
    words = vocabulary()
    often, known, seldom = words[0], words[40], words[40_000]
    questions = {
        "most frequent word": f"{often} ",
        "two frequent words": f"{often} {known} ",
        "phrase of frequent words": f'"{often} {known}"',
        "seldom word": f"{seldom} ",
        "word of one message": f"rare{messages // 2} ",
        "beginning of 2 characters": often[:2],
        "beginning of 3 characters": often[:3],
        "beginning of 5 characters": seldom[:5],
        "beginning of many (rare1)": "rare1",
        "no match": "nowhereatall ",
    }
    many, few = User.objects.order_by("pk")[0], User.objects.order_by("pk")[7]
    print(f"{'':30}{'half of all':>24}{'1 % of all':>24}")
    print(f"{'':30}" + f"{'p50':>12}{'most':>12}" * 2)
    for name, q in questions.items():
        line = f"{name:30}"
        for user in (many, few):
            times = []
            for _ in range(TRIES):
                at = time.perf_counter()
                found = find(user.pk, q, limit=20)
                times.append((time.perf_counter() - at) * 1000)
            line += f"{statistics.median(times):12.1f}{max(times):12.1f}"
        print(f"{line}   {len(found.results)} results", flush=True)
    (one, *_) = find(many.pk, f"{often} ", limit=1).results
    at = time.perf_counter()
    inside = find_in(many.pk, f"{often} ", one.conversation.uid, limit=500)
    spent = (time.perf_counter() - at) * 1000
    print(
        f"{'matches in one conversation':30}{spent:12.1f}{'':12}   {len(inside.excerpts)} matches"
    )


def main() -> None:
    """Run in a process for each database, whose settings need its address from the start."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
        import django

        django.setup()
        measure(arguments.messages)
        return
    common = {
        "ENV_FILE": "",
        "SECRET_KEY": secrets.token_hex(32),
        "HTTPS": "off",
        "ALLOWED_HOSTS": "localhost",
    }
    again = [sys.executable, "-m", "bench.search", "--here", "--messages", str(arguments.messages)]

    def run(url: str) -> None:
        environment = os.environ | common | {"DATABASE_URL": url}
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
        for command in (migrate, again):
            subprocess.run(command, cwd=ROOT, env=environment, check=True)

    if arguments.only != "postgres":
        with tempfile.TemporaryDirectory(prefix="parley-search-") as folder:
            run(f"sqlite:///{folder}/db.sqlite3")
    if arguments.only != "sqlite":
        from chat.tests.postgres import Postgres

        server = Postgres()
        try:
            run(server.url())
        finally:
            server.stop()


if __name__ == "__main__":
    main()
