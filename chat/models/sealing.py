"""Secrets at rest: encrypted with `ENCRYPTION_KEY`, and bound to the address they are for."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """A secret cannot be encrypted or decrypted; the text says why, and what to do."""


def seal(secrets: dict[str, Any], *, bound_to: str) -> str:
    """Encrypt for the database. Raises `Unreadable` while there is no `ENCRYPTION_KEY`."""
    content = json.dumps({"for": bound_to, "secrets": secrets})
    return _cipher().encrypt(content.encode()).decode()


def unseal(sealed: str, *, bound_to: str) -> dict[str, Any]:
    """Decrypt what `seal` made for this very address. Raises `Unreadable`."""
    try:
        content = json.loads(_cipher().decrypt(sealed.encode()))
    except InvalidToken:
        raise Unreadable(
            "It was encrypted with another ENCRYPTION_KEY than the server has now. Set that one "
            "again, or enter the key anew."
        ) from None
    if content["for"] != bound_to:
        raise Unreadable("It was saved for another address. Enter the key anew.")
    secrets: dict[str, Any] = content["secrets"]
    return secrets


def _cipher() -> MultiFernet:
    """Any text serves as a key. Of several, with commas, the first encrypts and all decrypt."""
    texts = [text.strip() for text in settings.ENCRYPTION_KEY.split(",") if text.strip()]
    if not texts:
        raise Unreadable("The server has no ENCRYPTION_KEY. Set one in its environment.")
    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"parley-seal:" + text.encode()).digest()))
        for text in texts
    )
