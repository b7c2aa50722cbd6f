"""Settings that are each allowed but can never work, or never be safe, together.

Doubtful settings, and those that need the database, are system checks (`chat/checks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from chatproject.environment import looks_like_a_placeholder

YEAR = 31_536_000
SECRETS = ("SECRET_KEY", "ENCRYPTION_KEY", "AUDIT_KEY", "METRICS_TOKEN", "OPENAI_API_KEY")
OF_OUR_OWN = ("SECRET_KEY", "ENCRYPTION_KEY", "AUDIT_KEY", "METRICS_TOKEN")
LONG = 32
FEWEST_IN_PRODUCTION = 8
"""Different characters of a long one; 32 digits of hexadecimal at random have 14 on average."""
SHORTEST_KEY = 16
"""Characters; 16 of them in hexadecimal are 64 bits, which nobody tries out."""
FEWEST_DIFFERENT = 6
"""Different characters of a short one, which has 10 on average."""


def check_combinations(found: Mapping[str, Any]) -> None:
    """Raise ImproperlyConfigured with the names of the settings and the allowed values."""
    _check_secrets(found)
    if found["WORKERS"] == "separate" and found["SQLITE"]:
        raise ImproperlyConfigured(
            "WORKERS is 'separate', which needs Postgres: with SQLite the server writes the "
            "replies. Allowed is embedded, or a DATABASE_URL that begins with postgres://."
        )
    for smaller, larger, share in (
        ("CHECKPOINT_SECONDS", "LEASE_SECONDS", 0.5),
        ("PACE_SECONDS", "PACE_SECONDS_UNDER_LOAD", 1),
        ("CONTROL_FRAME_BYTES", "MESSAGE_BYTES", 1),
    ):
        if found[smaller] > found[larger] * share:
            part = "half of " if share < 1 else ""
            raise ImproperlyConfigured(
                f"{smaller} is {found[smaller]:g}, {larger} is {found[larger]:g}; the first may "
                f"be {part}the second at most."
            )
    if found["HSTS_PRELOAD"] and not (found["HSTS_SUBDOMAINS"] and found["HSTS_SECONDS"] >= YEAR):
        raise ImproperlyConfigured(
            f"HSTS_PRELOAD is on; allowed is that only with HSTS_SUBDOMAINS=on and an HSTS_SECONDS "
            f"of {YEAR} (a year) or more, as the list of the browsers demands it."
        )


def _check_secrets(found: Mapping[str, Any]) -> None:
    keys = [key.strip() for key in found["ENCRYPTION_KEY"].split(",") if key.strip()]
    if found["ENCRYPTION_KEY"] and not keys:
        raise ImproperlyConfigured("ENCRYPTION_KEY has no key; allowed are keys, or none at all.")
    for key in keys:
        if len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_DIFFERENT:
            raise ImproperlyConfigured(
                f"ENCRYPTION_KEY has a key that is too short or too regular; allowed are "
                f"{SHORTEST_KEY} characters and more, made at random: `openssl rand -hex 32`."
            )
    if found["DEBUG"]:
        return
    secrets = {name: found[name] for name in SECRETS}
    if found["PRODUCTION"]:
        for name in OF_OUR_OWN:
            fewest = FEWEST_IN_PRODUCTION if len(secrets[name]) >= LONG else FEWEST_DIFFERENT
            if secrets[name] and len(set(secrets[name])) < fewest:
                raise ImproperlyConfigured(
                    f"{name} is too regular to be a secret; allowed is one made at random: "
                    "`openssl rand -hex 32`."
                )
    secrets["DATABASE_URL"] = unquote(urlsplit(found["DATABASE_URL"]).password or "")
    secrets["REDIS_URL"] = unquote(urlsplit(found["REDIS_URL"]).password or "")
    secrets["EMAIL_URL"] = unquote(urlsplit(found["EMAIL_URL"]).password or "")
    for name, endpoint in found["ENDPOINTS"].items():
        secrets[f"ENDPOINT_{name.upper().replace('-', '_')}_KEY"] = endpoint.get("api_key", "")
    for name, value in secrets.items():
        if looks_like_a_placeholder(value):
            raise ImproperlyConfigured(
                f"{name} has a placeholder, as documents have it; allowed is a secret of your own "
                "(`openssl rand -hex 32` makes one), or anything with DEBUG=on."
            )
