"""The form of a log line, and words that are never in one."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
import structlog
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from pytest_django import Settings
from structlog.contextvars import bound_contextvars

from chat import logs
from chat.models import Conversation


class Lines(logging.Handler):
    """Formats what it hears, as a server's console does."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.setFormatter(logs.formatter(style))
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


@pytest.fixture
def hear(request: pytest.FixtureRequest) -> Any:
    """Begins to listen to a logger, in a style; returns the lines."""

    def begin(name: str, style: str = "json") -> list[str]:
        logger, lines = logging.getLogger(name), Lines(style)
        level = logger.level
        logger.addHandler(lines)
        logger.setLevel(logging.INFO)
        request.addfinalizer(lambda: logger.setLevel(level))
        request.addfinalizer(lambda: logger.removeHandler(lines))
        return lines.said

    return begin


def test_others_lines_have_the_ids_of_what_they_are_about(hear: Any) -> None:
    said = hear("somebody.else")
    with bound_contextvars(request="r-1", reply="p-1"):
        logging.getLogger("somebody.else").warning("%s of %d", "two", 3)
    (line,) = map(json.loads, said)
    assert line["event"] == "two of 3"
    assert (line["request"], line["reply"]) == ("r-1", "p-1")
    assert (line["level"], line["logger"]) == ("warning", "somebody.else")
    assert line["time"].endswith("Z")


def test_people_read_one_line_with_what_matters_first(hear: Any) -> None:
    said = hear("chat.somewhere", "console")
    structlog.stdlib.get_logger("chat.somewhere").info("reply ended", state="complete", code=None)
    (line,) = said
    assert line.endswith("Z INFO chat.somewhere reply ended state=complete")


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_no_values(hear: Any, style: str) -> None:
    said = hear("chat.somewhere", style)
    secret = "sk-" + "local" * 3
    try:
        raise ValueError(len(secret))
    except ValueError:
        logging.getLogger("chat.somewhere").exception("it broke")
        structlog.stdlib.get_logger("chat.somewhere").exception("ours too")
    assert len(said) == 2
    for line in said:
        assert "ValueError: 18" in line
        assert secret not in line
        assert style == "console" or "Traceback" in json.loads(line)["exception"]


def test_djangos_lines_name_the_route_and_not_the_address(hear: Any) -> None:
    said = hear("django.security.csrf")
    code = "c" * 64
    Client(enforce_csrf_checks=True).post(f"/start/{code}")
    (line,) = said
    assert "/start/<str:code>" in line
    assert code not in line


def test_a_foreign_host_is_one_line(hear: Any) -> None:
    said = hear("django.security.DisallowedHost")
    Client().get("/accounts/login/", headers={"host": "elsewhere.example"})
    (line,) = map(json.loads, said)
    assert "elsewhere.example" in line["event"]
    assert "exception" not in line


@pytest.mark.django_db
def test_a_request_is_one_line(alice: User, make_conversation: Any, hear: Any) -> None:
    said = hear("chat.logs")
    conversation: Conversation = make_conversation(alice)
    client = Client()
    client.force_login(alice)
    client.get(f"/api/v1/conversations/{conversation.uid}?q=a-word")
    (line,) = map(json.loads, said)
    assert line["event"] == "request"
    assert (line["method"], line["status"]) == ("GET", 200)
    assert line["route"] == "/api/v1/conversations/<uid>"
    assert line["user"] == str(alice.pk)
    assert line["conversation"] == str(conversation.uid)
    assert line["ms"] > 0
    assert len(line["request"]) == 16
    assert "a-word" not in said[0]


@pytest.mark.django_db
def test_what_is_no_id_is_not_repeated(alice: User, hear: Any) -> None:
    said = hear("chat.logs")
    client = Client()
    client.force_login(alice)
    client.get("/api/v1/conversations/a-secret-in-the-wrong-place")
    (line,) = map(json.loads, said)
    assert (line["status"], line["conversation"], line["user"]) == (422, None, str(alice.pk))
    assert "secret" not in said[0]


def test_an_unknown_address_is_not_repeated(hear: Any) -> None:
    said = hear("chat.logs")
    Client().get("/a-secret-in-the-wrong-place/")
    (line,) = map(json.loads, said)
    assert (line["status"], line["route"], line["user"]) == (404, None, None)
    assert "secret" not in said[0]


def test_the_log_loads_no_session(hear: Any, django_assert_num_queries: Any, alice: User) -> None:
    """Only the language of a page does: a visitor costs no query, a user two."""
    said = hear("chat.logs")
    client = Client()
    with django_assert_num_queries(0):
        client.get("/nowhere")
    client.force_login(alice)
    with django_assert_num_queries(2):
        client.get("/nowhere")
    assert [json.loads(line)["user"] for line in said] == [None, str(alice.pk)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_concurrent_requests_keep_their_ids_apart(hear: Any, settings: Settings) -> None:
    said = hear("chat.logs")
    settings.TRUSTED_PROXIES = ["*"]
    client = AsyncClient()
    ids = [f"request-{n}" for n in range(5)]
    await asyncio.gather(*(client.get("/", headers={"X-Request-ID": one}) for one in ids))
    assert sorted(json.loads(line)["request"] for line in said) == ids


@pytest.mark.parametrize("told", ["short", "x" * 65, "with space", "new\nline-1", "ä" * 10, ""])
def test_only_a_plausible_request_id_is_taken_over(settings: Settings, told: str) -> None:
    settings.TRUSTED_PROXIES = ["*"]
    assert logs.request_id("0c1f-from_the-Router") == "0c1f-from_the-Router"
    assert logs.request_id(told) != told


def test_nobody_but_a_trusted_proxy_names_a_request() -> None:
    assert logs.request_id("0c1f-from_the-Router") != "0c1f-from_the-Router"


@pytest.mark.asyncio
async def test_a_client_that_leaves_is_told_too(hear: Any, rf: RequestFactory) -> None:
    said = hear("chat.logs")

    async def never(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(3600)
        raise AssertionError

    middleware: Any = logs.requests(never)
    task: asyncio.Task[HttpResponse] = asyncio.create_task(middleware(rf.get("/")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert json.loads(said[0])["status"] == 499
