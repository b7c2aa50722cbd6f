"""One server for all tests that only talk to it; who kills or drains one starts their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat.tests.live.server import Server, Upstream, fake_upstream, migrated_file
from chat.tests.sdk import install

type MakeServer = Callable[..., Server]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy."""
    return migrated_file(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with fake_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def site(
    tmp_path_factory: pytest.TempPathFactory, template: Path, upstream: Upstream
) -> Iterator[Server]:
    """The shared server. None of what the tests throw at it may leave a traceback in its log."""
    server = Server(tmp_path_factory.mktemp("site"), template, upstream.url)
    server.start()
    yield server
    server.kill()
    assert "Traceback" not in server.log, server.log


@pytest.fixture(scope="session")
def node_with_openai() -> tuple[str, Path]:
    """A Node, and the `node_modules` in which OpenAI's SDK is."""
    return install()


@pytest.fixture
def make_server(tmp_path: Path, template: Path, upstream: Upstream) -> Iterator[MakeServer]:
    """Makes a server of the test's own; settings go by name, a second one shares the file."""
    made: list[Server] = []

    def make(**settings: str) -> Server:
        url = settings.pop("upstream_url", upstream.url)
        settings = {"CHECKPOINT_SECONDS": "0.2", "LEASE_SECONDS": "2"} | settings  # no long waits
        made.append(Server(tmp_path, template, url, **settings))
        return made[-1]

    yield make
    for server in made:
        server.kill()
        assert "Traceback" not in server.log, server.log
