"""Options of the connection to the database."""

from __future__ import annotations

from chatproject.database_connection import BESIDE_THE_POOL, connection
from chatproject.database_url import read_database_url

POSTGRES = "postgres://parley:pw@database.example/parley"


def test_each_kind_of_database_has_the_engine_that_gives_up_in_time() -> None:
    for url, kind in (("sqlite:///db.sqlite3", "sqlite3"), (POSTGRES, "postgresql")):
        found = connection(read_database_url(url), synchronous="normal", connections=8)
        assert found["ENGINE"] == f"chatproject.backends.{kind}"


def test_a_commit_is_on_the_disk_where_that_is_chosen() -> None:
    file = read_database_url("sqlite:///db.sqlite3")
    for word in ("normal", "full"):
        options = connection(file, synchronous=word, connections=8)["OPTIONS"]
        assert f"synchronous={word};" in options["init_command"]
        assert options["transaction_mode"] == "IMMEDIATE"


def test_the_pool_leaves_the_connections_of_the_process_itself() -> None:
    for connections in (1, BESIDE_THE_POOL, BESIDE_THE_POOL + 2, 100):
        found = connection(
            read_database_url(POSTGRES), synchronous="normal", connections=connections
        )
        assert found["OPTIONS"]["pool"]["max_size"] == max(1, connections - BESIDE_THE_POOL)
        assert found["CONN_MAX_AGE"] == 0  # the pool keeps them


def test_the_address_may_change_what_the_connection_does_in_a_silent_network() -> None:
    url = f"{POSTGRES}?connect_timeout=9&sslmode=require"
    options = connection(read_database_url(url), synchronous="normal", connections=8)["OPTIONS"]
    assert (str(options["connect_timeout"]), options["sslmode"]) == ("9", "require")
    assert options["tcp_user_timeout"] == 15000
