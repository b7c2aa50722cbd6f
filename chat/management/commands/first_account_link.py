"""Print the one-time link that makes the first account."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chat.first_account import first_account_path


class Command(BaseCommand):
    help = "Print the one-time link that creates the first account; nothing once there is one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--base-url",
            default="http://127.0.0.1:8000",
            help="Where the server is reached, as in https://chat.example (default: %(default)s).",
        )

    def handle(self, *args: Any, base_url: str, **options: Any) -> None:
        path = first_account_path()
        if path is not None:
            self.stdout.write(base_url.rstrip("/") + path)
