"""Titles of new conversations, asked of models: few at once, and never in the way of a reply.

A title that comes to nothing does no harm: the conversation keeps its first words.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from django.db import Error as DatabaseError

from chat import metrics
from chat.database.threads import GENERATION
from chat.endpoint import EndpointConfig
from chat.models.attempting.context import tokens
from chat.models.commands.titling import Untitled, store_title, untitled
from chat.models.values.model_titles import READ, prompt, title_in
from chat.protocol import clean
from chat.replies.following import Spawn
from chat.upstream import ChatRequest, Client, UpstreamError, Usage

logger = structlog.stdlib.get_logger(__name__)

AT_ONCE = 2
WAITING = 200
"""Titles that wait for a place; further ones are given up."""
SECONDS = 20.0
"""Time for a title, with all its tries."""
LIMITS = (32, 2000)
"""Output tokens of the first and of the second try: models that think need more."""
PAUSE_SECONDS = (60.0, 3600.0)
"""Time without titles after an endpoint's first failure; doubled with each, up to the second."""
STORE_AGAIN_SECONDS = (1.0, 4.0)
"""Waits where others have the owner's lock."""


class Titler:
    """The titles that this process makes; belongs to its event loop."""

    def __init__(self, client_of: Callable[[EndpointConfig], Client], spawn: Spawn) -> None:
        self._client_of = client_of
        self._spawn = spawn
        self._waiting: deque[int] = deque()
        self._workers = 0
        self._asking: dict[asyncio.Task[Any], Untitled] = {}
        self._clients: dict[asyncio.Task[Any], Client] = {}
        self._failures: dict[str, int] = {}
        self._resumes: dict[str, float] = {}
        """By endpoint: the loop's time at which it is asked again."""
        self._thinking: set[str] = set()
        """Models whose first try gave no text."""
        self._closed = False

    def clients(self) -> set[Client]:
        """The clients in use."""
        return set(self._clients.values())

    def offer(self, reply: int) -> None:
        """Make the title that this reply's end calls for, when there is a place."""
        if self._closed or reply in self._waiting:
            return
        if len(self._waiting) >= WAITING:
            metrics.TITLES.labels("crowded").inc()
            return
        self._waiting.append(reply)
        if self._workers < AT_ONCE:
            self._workers += 1
            self._spawn(self._work(), "titles")

    def make_way(self, user_id: int, endpoint: str) -> None:
        """Give up titles for a reply of their owner at the same endpoint, which may do one at once.

        The end of that reply calls for the title again.
        """
        for task, wanted in list(self._asking.items()):
            asked = wanted.choice.endpoint
            if wanted.user == user_id and asked is not None and asked.name == endpoint:
                task.cancel()

    def close(self) -> list[int]:
        """Give up all; returns the replies whose titles were not begun."""
        self._closed = True
        left = list(self._waiting)
        self._waiting.clear()
        for task in self._asking:
            task.cancel()
        return left

    # --- one title ------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            while self._waiting:
                result = await self._make(self._waiting.popleft())
                if result:
                    metrics.TITLES.labels(result).inc()
        finally:
            self._workers -= 1

    async def _make(self, reply: int) -> str:
        """The result for the metrics; "" where no title was wanted any more."""
        try:
            wanted = await GENERATION.run(untitled, reply)
            if wanted is None or self._closed:
                return ""
            asking = asyncio.create_task(self._ask(wanted), name=f"title-{reply}")
            self._asking[asking] = wanted
            try:
                await asyncio.wait([asking])
            finally:
                asking.cancel()
                self._asking.pop(asking, None)
                self._clients.pop(asking, None)
            if asking.cancelled():
                return "yielded"
            title, result = asking.result()
            return await self._store(wanted, title) if title else result
        except DatabaseError as problem:
            logger.warning("title: the database", error=type(problem).__name__)
        except Exception:
            logger.exception("title failed")
        return "failed"

    async def _ask(self, wanted: Untitled) -> tuple[str, str]:
        """A title, or "" and the reason why there is none."""
        offer, endpoint = wanted.choice
        if offer is None or endpoint is None or endpoint.problem:
            return "", "no_model"
        now = asyncio.get_running_loop().time()
        if now < self._resumes.get(endpoint.name, now):
            return "", "paused"
        task = asyncio.current_task()
        assert task is not None
        client = self._clients[task] = self._client_of(endpoint)
        try:
            async with asyncio.timeout(SECONDS):
                title = await self._tries(client, wanted)
        except (UpstreamError, TimeoutError) as problem:
            code = problem.code if isinstance(problem, UpstreamError) else "timeout"
            metrics.count_error(endpoint.name, code, again=False)
            self._pause(endpoint.name, now)
            logger.warning("title: upstream", endpoint=endpoint.name, code=code)
            return "", "failed"
        self._failures.pop(endpoint.name, None)
        self._resumes.pop(endpoint.name, None)
        return title, "refused"

    def _pause(self, endpoint: str, now: float) -> None:
        failures = self._failures[endpoint] = self._failures.get(endpoint, 0) + 1
        first, longest = PAUSE_SECONDS
        self._resumes[endpoint] = now + min(first * 2 ** min(failures - 1, 10), longest)

    async def _tries(self, client: Client, wanted: Untitled) -> str:
        assert wanted.choice.offer is not None
        model = wanted.choice.id
        limits: list[int | None] = [*LIMITS]
        if model in self._thinking:
            del limits[0]
        while True:
            limit = limits.pop(0)
            try:
                text, ended_early = await self._request(client, wanted, limit)
            except UpstreamError as problem:
                wants_more = "output limit" in problem.detail
                if not limits or not (wants_more or problem.setting):
                    raise
                if not wants_more:
                    limits = [None]  # it does not take the limit; the answer is cut here
                text, ended_early = "", True
            title = "" if ended_early else title_in(text)
            if title or not limits or text.strip():
                return title
            self._thinking.add(model)

    async def _request(
        self, client: Client, wanted: Untitled, limit: int | None
    ) -> tuple[str, bool]:
        """The answer without thoughts, and True if it was cut off."""
        offer = wanted.choice.offer
        assert offer is not None
        messages = prompt(wanted.question, wanted.answer)
        text, spent = "", 0
        asked = ChatRequest(model=offer.name, messages=messages, max_tokens=limit)
        async with client.stream(asked) as stream:
            try:
                async for batch in stream:
                    text += batch.text if not batch.replaces else ""
                    if batch.replaces:
                        text = batch.text
                    spent += len(batch.text.encode()) + len(batch.reasoning.encode())
                    if len(text) > READ:
                        return "", True
            finally:
                self._count(wanted, stream.facts.usage, messages, spent)
        return clean(text), stream.finish_reason == "length" or not stream.complete

    def _count(
        self, wanted: Untitled, usage: Usage | None, messages: list[dict[str, str]], spent: int
    ) -> None:
        """Count what a request cost; estimated where the endpoint does not say."""
        offer = wanted.choice.offer
        if offer is None or (usage is None and not spent):
            return
        usage = usage or Usage()
        sent, answered = usage.prompt_tokens, usage.completion_tokens
        counted = {
            "prompt_tokens": sum(tokens(m["content"]) for m in messages) if sent is None else sent,
            "completion_tokens": -(-spent // 4) if answered is None else answered,
            "cached_tokens": usage.cached_tokens,
        }
        cost = offer.prices.cost(counted) if offer.prices else None
        metrics.count_title(offer.endpoint, offer.name, counted, cost)

    async def _store(self, wanted: Untitled, title: str) -> str:
        for wait in (*STORE_AGAIN_SECONDS, None):
            stored = await GENERATION.run_for(wanted.user, store_title, wanted, title)
            if stored is not None:
                return "stored" if stored else "late"
            if wait is not None:
                await asyncio.sleep(wait)
        return "late"
