"""Bring the database up to date, print the link for the first account while there is none.

`python -m launcher.prepare http://127.0.0.1:8000`, the step of `make run` before the server
starts. One process for both, because most of a second goes into loading Django. A wrong setting
or a database that cannot be used is reported in a sentence, without a traceback.
"""

import sys

import django
from django.core.management import CommandError, call_command

from chatproject.starting import database_or_sentence, load_settings


def main(address: str) -> int:
    load_settings()
    try:
        django.setup()
        with database_or_sentence():
            # With the system checks, which daphne does not run.
            call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
            call_command("first_account_link", base_url=address)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
