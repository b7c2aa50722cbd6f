"""`EMAIL_URL` and `EMAIL_FROM`: how mail leaves, and as whose."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

import dj_email_url
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

EXAMPLE = "submission://user:password@mail.example:587 (TLS), smtp://mail.example:25 or console:"
BY_NETWORK = ("submission", "submit", "smtp")
QUERY = {"ssl", "tls", "timeout"}
OFF = ("0", "off", "Off", "OFF", "no", "No", "NO", "false", "False", "FALSE")
"""The library takes any other word for off, too, and mail would leave in the clear."""


def read_mailers(url: str, name: str = "EMAIL_URL") -> tuple[dict[str, dict[str, Any]], str]:
    """Django's MAILERS, and the user they log in as. Raises ImproperlyConfigured."""

    def wrong(fault: str) -> NoReturn:
        raise ImproperlyConfigured(f"{name} {fault}; allowed is an address as in {EXAMPLE}.")

    if " " in url or not url.isprintable():
        wrong("has a blank or a line break in it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        wrong("has a host or port that is none (in a password / ? # [ ] are written %2F %3F %23 …)")
    if parts.scheme == "smtps":  # read as submission:// by the library, which no server on 465 is
        wrong("begins with smtps://; with TLS from the first byte it is smtp://host:465?ssl=1")
    if parts.scheme not in dj_email_url.SCHEMES:
        wrong("does not begin with submission://, smtp:// or console:")
    if parts.scheme in BY_NETWORK:
        if not parts.hostname or set(parts.hostname) & set("<>\"'@/"):
            wrong("names no host")
        if port == 0 or parts.path.strip("/") or parts.fragment:
            wrong("goes on after the port (in a password / ? # are written %2F %3F %23)")
        for option, value in parse_qsl(parts.query, keep_blank_values=True):
            if option not in QUERY or (option == "timeout" and not value.isdecimal()):
                wrong(f"has {option!r} after the ?, where ssl, tls and timeout may stand")
            if option != "timeout" and value not in dj_email_url.TRUTHY and value not in OFF:
                wrong(f"has {option}={value!r}, where on and off may stand")
    mail: dict[str, Any] = dj_email_url.parse(url)
    mailer: dict[str, Any] = {"BACKEND": mail["EMAIL_BACKEND"]}
    if parts.scheme in BY_NETWORK:
        mailer["OPTIONS"] = {
            "host": mail["EMAIL_HOST"],
            "port": mail["EMAIL_PORT"] or 465,
            "username": mail["EMAIL_HOST_USER"],
            "password": mail["EMAIL_HOST_PASSWORD"],
            "use_tls": mail["EMAIL_USE_TLS"],
            "use_ssl": mail["EMAIL_USE_SSL"],
            "timeout": mail["EMAIL_TIMEOUT"] or 10,
        }
    elif parts.scheme == "file":
        mailer["OPTIONS"] = {"file_path": mail["EMAIL_FILE_PATH"]}
    return {"default": mailer}, mail["EMAIL_HOST_USER"] or ""


def check_sender(sender: str, name: str = "EMAIL_FROM") -> str:
    """An address, perhaps with a name. Raises ImproperlyConfigured."""
    try:
        validate_email(parseaddr(sender)[1])
    except ValidationError:
        if sender != "parley@localhost":
            raise ImproperlyConfigured(
                f"{name} is {sender!r}; allowed is one address, as in chat@mail.example or "
                "Parley <chat@mail.example>."
            ) from None
    return sender
