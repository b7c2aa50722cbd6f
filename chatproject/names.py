"""Names: of variables that nobody reads (misspelt, they change nothing), and of this process."""

from __future__ import annotations

import os
import re
import sys
from difflib import get_close_matches

from chatproject.environment import Environment, wrong_value

OTHERS = {
    # read by `make run`, compose.yaml, the command lines, Python and the tests
    "HOST", "PORT", "ENV_FILE", "DYNO", "MODEL_PORT", "PUBLISH_PORT", "POSTGRES_PASSWORD",
    "WEB_CONCURRENCY", "DJANGO_SETTINGS_MODULE", "TESTS_DATABASE_URL", "REDIS_TLS_URL", "DATABASE",
}  # fmt: skip
OF_OTHERS = re.compile(
    r"(PYTHON|PIP_|UV_|COMPOSE_|DOCKER_|PG|LC_|HEROKU_|DOKKU_|RENDER_|FLY_).*|LANG|TZ"
)
"""Variables of other programs, which a file for both may have."""
ALIKE = 0.84


def find_unknown_names(env: Environment) -> dict[str, str]:
    """The variables nobody reads, each with the name that was perhaps meant, or an empty one.

    Of the file all of them; of the environment, which has many of other programs, those that are
    nearly one of ours.
    """
    known = env.asked | OTHERS
    found = {
        name: _near(name, known)
        for name in sorted(set(env.file) - known)
        if not OF_OTHERS.fullmatch(name)
    }
    for name in sorted(set(os.environ) - known):
        if near := _near(name, known - OTHERS):
            found[name] = near
    return found


def _near(name: str, known: set[str]) -> str:
    """The name of ours that this is nearly."""
    matches = get_close_matches(name.upper(), sorted(known), 1, ALIKE)
    return matches[0] if matches else ""


def read_process_name(env: Environment, port: int | None) -> str:
    """The name of this process in metrics: kept after a restart, and not its neighbours'."""
    name = env.text("PROCESS_NAME")
    if name and not re.fullmatch(r"[A-Za-z0-9._:@-]{1,60}", name):
        raise wrong_value("PROCESS_NAME", name, "are 1 to 60 letters, digits and . _ : @ -")
    if name or (name := os.environ.get("DYNO", "")):
        return name
    if "worker" in sys.argv[1:2]:
        return "worker"
    return f"web:{port}" if port else "web"
