"""`manage.py backup`: one file with all of the database, while the chat runs."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.backends.postgresql.client import DatabaseClient

DAY = 86400


class Command(BaseCommand):
    help = (
        "Writes one file with the database of the settings, checks that it can be read, and "
        "deletes older ones. ENCRYPTION_KEY, which stored keys need, is not in it."
    )

    requires_system_checks = []  # one of Django's connects, which makes a file of a wrong name

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, help="Where to; made where it is not there.")
        parser.add_argument(
            "--days", type=int, default=30, help="Delete backups older than this (default: 30)."
        )

    def handle(self, *args: Any, directory: Path, days: int, **options: Any) -> None:
        if days < 1:
            raise CommandError("--days is a number of days, 1 at least.")
        os.umask(0o077)
        suffix, write = (".sqlite3", _copy_file) if settings.SQLITE else (".dump", _dump)
        target = directory / f"parley-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{suffix}"
        part = target.with_name(f"{target.name}.part")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            write(settings.DATABASES["default"], part)
            part.replace(target)
            _delete_older(directory, days)
        except OSError as error:
            raise CommandError(
                f"No backup: {error.filename or directory}: {error.strerror}."
            ) from None
        finally:
            part.unlink(missing_ok=True)
        self.stdout.write(str(target))


def _copy_file(database: dict[str, Any], target: Path) -> None:
    """A consistent copy of SQLite's file, without the room that deleted rows took."""
    source = Path(database["NAME"])
    if not source.is_file():
        raise CommandError(f"No backup: DATABASE_URL names {source}, which is not there.")
    try:
        address = f"{source.resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=60)) as opened:
            opened.execute("VACUUM INTO ?", [str(target)])
        with closing(sqlite3.connect(target)) as copy:
            (answer,) = copy.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as error:
        raise CommandError(f"No backup of {source}: {error}.") from None
    if answer != "ok":
        raise CommandError(f"No backup of {source}: the copy is damaged: {answer}.")


def _dump(database: dict[str, Any], target: Path) -> None:
    """Run pg_dump. The password goes by the environment, as others can read command lines."""
    (_, *where), variables = DatabaseClient.settings_to_cmd_args_env(database, [])
    command = ["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}"]
    for words in ([*command, *where], ["pg_restore", "--list", str(target)]):
        try:
            subprocess.run(
                words,
                env={**os.environ, **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                check=True,
            )
        except FileNotFoundError:
            raise CommandError(
                f"No backup: {words[0]} is not installed (Debian: postgresql-client)."
            ) from None
        except subprocess.CalledProcessError as failed:
            raise CommandError(f"No backup: {words[0]} ended with {failed.returncode}.") from None


def _delete_older(directory: Path, days: int) -> None:
    """Delete our older files, by their names, and nothing else there."""
    oldest = time.time() - days * DAY
    for path in directory.glob("parley-*"):
        if path.suffix in {".sqlite3", ".dump"} and path.stat().st_mtime < oldest:
            path.unlink()
