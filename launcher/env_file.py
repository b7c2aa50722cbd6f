"""The `.env` of somebody who starts Parley for the first time."""

import base64
import os
import secrets
from pathlib import Path

CONTENT = """\
# Written by the first `make run`. docs/settings.md has the table of all settings.
SECRET_KEY={secret_key}
# Decrypts the keys of the endpoints in the database: keep a copy with its backups.
ENCRYPTION_KEY={encryption_key}
HTTPS=off
ALLOWED_HOSTS=localhost,127.0.0.1
"""


def write_env_file(path: Path) -> bool:
    """Write `path` with fresh keys unless it exists; whether it was written.

    It appears whole or not at all, and only its owner may read it.
    """
    if path.exists():
        return False
    content = CONTENT.format(
        secret_key=secrets.token_urlsafe(48),
        encryption_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    )
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return True
