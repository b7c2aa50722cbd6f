"""The environment the tests run in, set before Django reads its settings.

Loaded by pytest as a plugin (`-p chat.tests.environment`). Nothing of the machine's own settings
leaks in: no `.env`, no key, no endpoint. `TESTS_DATABASE_URL` runs them on another database than
SQLite; `test_on_postgres.py` does so.
"""

import os
import tempfile
from pathlib import Path

from chat.tests.setting_values import TABLE

for name in [*TABLE, "DYNO", "HOST"]:
    os.environ.pop(name, None)

SCRATCH = Path(tempfile.mkdtemp(prefix="parley-tests-"))

os.environ |= {
    "ENV_FILE": "",
    "DJANGO_SETTINGS_MODULE": "chatproject.settings",
    "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789",
    "HTTPS": "off",
    "COOKIE_NAME": "django",
    "DEBUG": "off",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "DATABASE_URL": os.environ.get("TESTS_DATABASE_URL", f"sqlite:///{SCRATCH / 'main.sqlite3'}"),
    "LOG_LEVEL": "WARNING",
    # Its own tests ask for the password again; the others come in by `force_login`.
    "PASSWORD_AGAIN_MINUTES": "0",
    # Titles by a model are one more request after a first reply; their own tests turn them on.
    "TITLES": "first-words",
}
