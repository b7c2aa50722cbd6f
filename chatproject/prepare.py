"""Bring the database up to date, print the link for the first account while there is none.

`python -m chatproject.prepare http://127.0.0.1:8000`, the step of `make run` before the server
starts. One process for both, because most of a second goes into loading Django. A wrong setting
is told in a sentence, without a traceback.
"""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command


def main(address: str) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
    try:
        django.setup()
        # With the system checks, which daphne does not run.
        call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
        call_command("first_account_link", base_url=address)
    except (CommandError, ImproperlyConfigured) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
