#!/usr/bin/env python
"""Django's command line for Parley."""

import sys

from chatproject.starting import database_or_sentence, load_settings


def main() -> None:
    load_settings()
    from django.core.management import execute_from_command_line

    with database_or_sentence():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
