"""The environment the tests run in, set before Django reads its settings.

Loaded by pytest as a plugin (`-p chat.tests.environment`). Nothing of the machine's own settings
leaks in: no `.env`, no key, no endpoint. `TESTS_DATABASE_URL` runs them on another database than
SQLite; `test_on_postgres.py` does so.
"""

import os
import tempfile
from pathlib import Path

for name in (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "CHAT_MODEL",
    "ENDPOINTS",
    "SHOW_COST",
    "ENCRYPTION_KEY",
    "EMBEDDED_MODEL_URL",
    "REDIS_URL",
    "WORKERS",
    "DATABASE_LISTEN",
    "DATABASE_CONNECTIONS",
    "EMAIL_URL",
    "TRUSTED_PROXIES",
    "CSRF_TRUSTED_ORIGINS",
    "CORS_ALLOWED_ORIGINS",
    "API_BODY_BYTES",
    "API_STORE_OPTIONAL",
    "API_TOKENS",
    "PORT",
    "DYNO",
    "SIGNUP",
    "TRANSCRIPT_ACCESS",
    "METRICS_TOKEN",
    "LOG_FORMAT",
):
    os.environ.pop(name, None)

SCRATCH = Path(tempfile.mkdtemp(prefix="parley-tests-"))

os.environ |= {
    "ENV_FILE": "",
    "DJANGO_SETTINGS_MODULE": "chatproject.settings",
    "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789",
    "HTTPS": "off",
    "DEBUG": "off",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "DATABASE_URL": os.environ.get("TESTS_DATABASE_URL", f"sqlite:///{SCRATCH / 'main.sqlite3'}"),
    "LOG_LEVEL": "WARNING",
}
