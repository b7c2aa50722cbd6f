"""Secrets at rest: encrypted with `ENCRYPTION_KEY`, and bound to the address they are for."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from chat.sentence import Sentence


class Unreadable(Exception):
    """A secret cannot be encrypted or decrypted; the text has cause and remedy."""


def encrypt(secrets: dict[str, Any], *, bound_to: str) -> str:
    """Encrypt for the database. Raises `Unreadable` while there is no `ENCRYPTION_KEY`."""
    content = json.dumps({"for": bound_to, "secrets": secrets})
    return _cipher().encrypt(content.encode()).decode()


def decrypt(sealed: str, *, bound_to: str) -> dict[str, Any]:
    """Decrypt a text that `encrypt` made for this very address. Raises `Unreadable`."""
    try:
        content = json.loads(_cipher().decrypt(sealed.encode()))
    except InvalidToken:
        raise Unreadable(
            Sentence(
                "It was encrypted with another ENCRYPTION_KEY. Restore that ENCRYPTION_KEY, or "
                "enter the key again."
            )
        ) from None
    if content["for"] != bound_to:
        raise Unreadable(Sentence("It was saved for another address. Enter the key again."))
    secrets: dict[str, Any] = content["secrets"]
    return secrets


def is_encrypted(text: str) -> bool:
    """True if `encrypt` made this text, with any key: they all begin with version and time."""
    return text.startswith("gAAAAA") and len(text) > 90


def encrypted_anew(sealed: str) -> str:
    """The same under the newest key; unchanged where it is that already. Raises `Unreadable`."""
    newest = MultiFernet([_ciphers()[0]])
    try:
        newest.decrypt(sealed.encode())
    except InvalidToken:
        pass
    else:
        return sealed
    try:
        return _cipher().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable(Sentence("It was encrypted with another ENCRYPTION_KEY.")) from None


def _cipher() -> MultiFernet:
    """The first of the keys encrypts, and all decrypt."""
    return MultiFernet(_ciphers())


def _ciphers() -> list[Fernet]:
    """One for each text of `ENCRYPTION_KEY`, with commas between them; any text serves."""
    texts = [text.strip() for text in settings.ENCRYPTION_KEY.split(",") if text.strip()]
    if not texts:
        raise Unreadable(Sentence("The server has no ENCRYPTION_KEY. Set one in its environment."))
    return [
        Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"parley-seal:" + text.encode()).digest()))
        for text in texts
    ]
