"""`manage.py rebuild_search`: the search index made anew from the messages, while the chat runs."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Max

from chat.models import Message
from chat.models.search import filling

PROGRESS_SECONDS = 2.0
AT_ONCE = 500
TRIES = 50
"""Steps in a row for which somebody else had the rows locked."""
WAIT_SECONDS = 0.2


class Command(BaseCommand):
    help = (
        "Makes the search index anew from the stored messages, newest first, while the server runs "
        "or not. Started again after an interruption, it goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--restart", action="store_true", help="Begin anew after an interruption, too."
        )

    def handle(self, *args: Any, restart: bool, **options: Any) -> None:
        filling.prepare_file()
        if restart or not filling.state().below:
            filling.begin_again()
            filling.forget_titles()
        newest = Message.objects.aggregate(newest=Max("pk"))["newest"] or 0
        said_at, tries = 0.0, 0
        while not filling.is_filled():
            tries = 0 if filling.fill(AT_ONCE) else tries + 1
            if tries > TRIES:
                self.stderr.write("Somebody else has the rows locked. Run the command again.")
                return
            if tries:
                time.sleep(WAIT_SECONDS)
            if time.monotonic() - said_at >= PROGRESS_SECONDS:
                said_at = time.monotonic()
                below = filling.state().below
                if below:
                    done = (newest + 1 - below) / (newest + 1)
                    self.stdout.write(f"{max(done, 0):.0%}, down to message {below}")
        self.stdout.write("The search index is complete.")
