"""Accounts over two processes: tries of a password count together, and deactivation stops all."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from chat.tests.cluster.cluster import Cluster, Node
from chat.tests.cluster.valkey import Valkey
from chat.tests.live.client import client, closing, eventually, socket
from chat.tests.live.database import Person
from chat.tests.live.server import ENDLESS, SHORT, Upstream

PASSWORD = "a lamp for tests 9"
ALLOWED = 10
"""Tries for one account from one address, by `log_in_limits.PER_ADDRESS`."""


def send_form(node: Node, path: str, form: dict[str, Any], cookies: str = "") -> tuple[int, str]:
    token = "t" * 32
    connection = HTTPConnection("127.0.0.1", node.port, timeout=60)
    headers = {
        "Cookie": f"csrftoken={token}; {cookies}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = urlencode({"csrfmiddlewaretoken": token, **form}, doseq=True)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def try_password(node: Node, name: str, password: str = "wrong") -> str:
    """The end of a log-in: in, wrong, refused, busy."""
    status, page = send_form(node, "/accounts/login/", {"login": name, "password": password})
    assert status in {200, 302, 503}, page
    if status == 503:
        return "busy"
    if status == 302:
        return "in"
    return "refused" if "Too many" in page else "wrong"


def counters(valkey: Valkey) -> int:
    return len(valkey.ask("KEYS", "*parley:log_in:*"))


@pytest.fixture
def valkey_of(pair: Cluster) -> Valkey:
    """With no counter in it: all tests log in from one address."""
    assert pair.valkey is not None
    pair.valkey.ask("FLUSHALL")
    return pair.valkey


def test_tries_in_two_processes_count_together_and_outlive_both(
    pair: Cluster, valkey_of: Valkey
) -> None:
    alice = pair.database.add_person("alice", password=PASSWORD)
    bob = pair.database.add_person("bob", password=PASSWORD)
    assert [
        try_password(pair.webs[number % 2], alice.name) for number in range(ALLOWED)
    ] == ["wrong"] * ALLOWED  # fmt: skip
    assert counters(valkey_of) > 0
    assert [try_password(node, alice.name, PASSWORD) for node in pair.webs] == ["refused"] * 2
    for node in pair.webs:
        node.kill()
    pair.heal()
    assert [try_password(node, alice.name, PASSWORD) for node in pair.webs] == ["refused"] * 2
    assert [try_password(node, bob.name, PASSWORD) for node in pair.webs] == ["in"] * 2


def test_tries_at_once_in_two_processes_are_no_more_than_one_after_another(
    pair: Cluster, valkey_of: Valkey
) -> None:
    """A burst is how a limit is got round that reads, adds and writes."""
    alice = pair.database.add_person("alice", password=PASSWORD)
    with ThreadPoolExecutor(12) as pool:
        burst = [
            pool.submit(try_password, pair.webs[number % 2], alice.name)
            for number in range(2 * ALLOWED)
        ]
        ends = [one.result() for one in burst]
    assert 0 < ends.count("wrong") <= ALLOWED
    assert set(ends) <= {"wrong", "refused", "busy"}


@contextmanager
def _killed(valkey: Valkey) -> Iterator[None]:
    valkey.kill()
    yield
    valkey.start()


@contextmanager
def _hanging(valkey: Valkey) -> Iterator[None]:
    """It takes connections and answers nothing."""
    valkey.signal(signal.SIGSTOP)
    yield
    valkey.signal(signal.SIGCONT)


@pytest.mark.parametrize("fault", [_killed, _hanging])
def test_without_redis_the_database_counts(pair: Cluster, valkey_of: Valkey, fault: Any) -> None:
    alice = pair.database.add_person("alice", password=PASSWORD)
    bob = pair.database.add_person("bob", password=PASSWORD)
    rows = "SELECT count(*) AS n FROM chat_cache WHERE cache_key LIKE '%parley:log_in:%'"
    pair.database.change("DELETE FROM chat_cache")
    with fault(valkey_of):
        assert [
            try_password(pair.webs[number % 2], alice.name) for number in range(ALLOWED)
        ] == ["wrong"] * ALLOWED  # fmt: skip
        assert pair.database.rows(rows)[0]["n"] > 0
        assert [try_password(node, alice.name, PASSWORD) for node in pair.webs] == ["refused"] * 2
        assert [try_password(node, bob.name, PASSWORD) for node in pair.webs] == ["in"] * 2
    pair.heal()


# --- deactivation ------------------------------------------------------------------------------


def deactivate(node: Node, staff: Person, somebody: Person) -> int:
    """By the action of the list of accounts, as staff do it."""
    form = {"action": "deactivate", "_selected_action": [somebody.id], "index": 0}
    return send_form(node, "/admin/auth/user/", form, staff.cookie)[0]


@pytest.mark.asyncio
async def test_deactivation_in_one_process_stops_what_another_runs(
    pair: Cluster, upstream: Upstream
) -> None:
    alice = pair.database.add_person("alice")
    root = pair.database.add_person("root", password=PASSWORD, staff=True, superuser=True)
    root = log_in_by_page(pair.webs[0], root)
    about = f"Hers {uuid4()}"
    async with client(pair.webs[0], alice) as here, client(pair.webs[1], alice) as there:
        first = await here.send(about, ENDLESS)
        running = first["reply"]
        producer = await pair.producer(running)
        other = pair.other(producer)
        behind = await there.send(
            "Behind it", SHORT, conversation=first["conversation"], parent=running
        )
        await here.has(running, 40)
        assert deactivate(other, root, alice) == 302
        for page in (here, there):
            assert await page.closed() == 4401
        await eventually(
            lambda: not pair.database.unfinished([first["conversation"]]), "ends of both"
        )
        ended = {str(row["uid"]): row for row in pair.database.messages_of([first["conversation"]])}
        shown = here.shown[running].text
        assert ended[running]["status"] == ended[behind["reply"]]["status"] == "stopped"
        assert len(shown) >= 40
        assert ended[running]["text"].startswith(shown)
        assert ended[behind["reply"]]["attempt"] == 0
        await eventually(lambda: not upstream.requests(about)[0]["open"])
        assert len(upstream.requests(about)) == 1
    for node in pair.webs:
        async with socket(node, alice) as again:
            assert await closing(again) == ([], 4401)
    await pair.holds(first, behind)


@pytest.mark.asyncio
async def test_no_process_claims_a_reply_of_a_deactivated_user(
    pair: Cluster, upstream: Upstream
) -> None:
    """It was queued in the moment in which the account was changed: nobody has stopped it yet."""
    alice = pair.database.add_person("alice")
    about = f"Late {uuid4()}"
    async with client(pair.webs[0], alice) as page:
        await page.end((await page.send("Before", SHORT))["reply"])
        with pair.database.locked("chat_counter", "user_id = ?", alice.id):
            fields = {"id": str(uuid4()), "conversation": None, "parent": None, "text": about}
            await page.say("send", model=f"openai/{ENDLESS}", **fields)
            await eventually(lambda: pair.database.waiting() > 0, "the send that waits")
            pair.database.change("UPDATE auth_user SET is_active = false WHERE id = ?", alice.id)
        assert await page.closed() == 4401
    await eventually(
        lambda: (
            not pair.database.rows(
                "SELECT 1 FROM chat_message WHERE user_id = ? AND role = 'assistant'"
                " AND ended IS NULL",
                alice.id,
            )
        ),
        "no reply that has not ended",
    )
    assert upstream.requests(about) == []


def log_in_by_page(node: Node, person: Person) -> Person:
    """A log-in whose password was given just now, as the pages of accounts ask for."""
    connection = HTTPConnection("127.0.0.1", node.port, timeout=60)
    form = {"csrfmiddlewaretoken": "t" * 32, "login": person.name, "password": PASSWORD}
    headers = {
        "Cookie": f"csrftoken={'t' * 32}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/accounts/login/", urlencode(form), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    found = re.search(r"sessionid=(\w+)", str(answer.headers.get_all("Set-Cookie")))
    assert found is not None, answer.status
    return Person(person.id, person.name, found[1])
