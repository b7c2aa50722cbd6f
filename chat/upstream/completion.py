"""A completion, assembled from the events of its answer. No I/O."""

from __future__ import annotations

import json

from chat.endpoint import EndpointConfig
from chat.upstream.chat_request import ChatRequest
from chat.upstream.chunks import AnswerFacts, Chunk, MalformedError, read_chunk
from chat.upstream.content import Batch, Content
from chat.upstream.errors import UpstreamError
from chat.upstream.events import apart, is_done, is_end, is_failure
from chat.upstream.habits import Habits
from chat.upstream.overlap import SpaceOverlap, split_space
from chat.upstream.patience import Patience
from chat.upstream.refusals import ErrorWords, read_error, reported
from chat.upstream.request import names_sent
from chat.upstream.scrubbing import describe
from chat.upstream.tracks import clean

_LOST = frozenset(["connection_lost", "timeout_idle"])
"""Faults by which an endpoint that has given a finish reason only closes the connection badly."""


class Completion:
    """Text, facts and end of one answer. Feed it events until it has `ended`.

    `habits` are facts about the models from earlier answers, kept up to date. The time limits
    learn of content and of the finish reason.
    """

    def __init__(
        self, endpoint: EndpointConfig, request: ChatRequest, habits: Habits, patience: Patience
    ) -> None:
        self.finish_reason: str | None = None
        """Set by each chunk that has one, and taken back by content that follows."""
        self.complete = False
        self.facts = AnswerFacts()
        self.detail = ""
        """For staff: the kind of end without a finish reason or an error."""
        self.ended = False
        self.failure: UpstreamError | None = None
        self._endpoint, self._request = endpoint, request
        self._habits, self._patience = habits, patience
        # A continued answer does not begin with its thoughts.
        self._content = Content(
            marked=not request.prefix, began=request.model in habits.begin_in_thoughts
        )
        kept = clean(request.messages[-1].get("content", "")) if request.prefix else ""
        self._echo, self._space = split_space(kept)
        self._overlap = SpaceOverlap(self._space)
        self._whole = False
        """True for an answer that came all at once."""
        self._odd: ErrorWords | None = None
        self._answered = False
        self._goes_on = False
        """True if content has followed a finish reason, which therefore proves nothing here."""

    def batch(self) -> Batch | None:
        """Return the new content since the last call; None without any."""
        batch = self._content.take(last=self.ended)
        if self._space:
            batch = self._join(batch)
        return batch if batch.text or batch.reasoning or batch.replaces else None

    def take_whole(self, body: bytes) -> None:
        """Take in an answer that came all at once."""
        self._whole = True
        try:
            self._take_chunk(b"", body, read_chunk(body))
        except MalformedError:
            self._whole = False  # perhaps a completion a line
            self._take_broken(b"", body.strip())

    def finish(self) -> None:
        """End it with its connection."""
        self._finish("The answer came" if self._whole else "The stream ended")

    def take(self, name: bytes, data: bytes) -> None:
        """Take in one event. Noise is none: no data, no JSON, nothing of a completion."""
        if not name and data.startswith(b"{"):
            try:
                chunk = read_chunk(data)
            except MalformedError:
                self._take_broken(name, data)
            else:
                if not (chunk.plain and self._flows_on(chunk)):
                    self._take_chunk(name, data, chunk)
            return
        data = data.strip()
        while data.startswith(b"data:"):
            data = data[5:].lstrip()  # a proxy has framed it once more
        if is_failure(name):
            self._report_error(data)
        elif is_done(data):
            self._finish("[DONE] came", done=True)
        elif is_end(name) and not data:
            self._take_chunk(name, data, Chunk())
        elif data:
            try:
                chunk = read_chunk(data)
            except MalformedError:
                self._take_broken(name, data)
                return
            self._take_chunk(name, data, chunk)

    def _join(self, batch: Batch) -> Batch:
        """Leave out the space that a continued text repeats."""
        if batch.replaces:
            self._overlap = SpaceOverlap(self._space)
        return batch._replace(text=self._overlap.remove(batch.text))

    def _flows_on(self, chunk: Chunk) -> bool:
        """Take in a chunk that has words and comes amid others, as nearly every one does."""
        text, thoughts = chunk.text, chunk.reasoning
        if (
            self.finish_reason is not None
            or self._echo
            or self._odd is not None
            or not self._content.flow(text, thoughts)
        ):
            return False
        if text or thoughts:
            self._patience.fed()
        if chunk.model is not None:
            self.facts.model = chunk.model
        return True

    def _take_broken(self, name: bytes, data: bytes) -> None:
        """Data that is not JSON: a fault only where it is an object that is cut or damaged."""
        if lines := apart(data):
            for line in lines:
                if not self.ended:
                    self.take(name, line)
            return
        if data.startswith((b"{", b"[{")) and name in (b"", b"message"):
            self.fail_with("bad_response", "An event is not JSON.")
        elif not data.startswith(b":") and self._odd is None:
            self._odd = read_error(data, "")

    def _take_chunk(self, name: bytes, data: bytes, chunk: Chunk) -> None:
        if name not in (b"", b"message") and not chunk.known:
            # A ping, or another event beside the answer.
            if is_end(name):
                self._finish(f"The event {name.decode('ascii', 'replace')} came", done=True)
            return
        if not chunk.known and is_done(data):
            self._finish("The end was sent", done=True)
            return
        if chunk.text and self._echo:
            chunk.text = self._without_echo(chunk.text)
        if self._content.add(chunk, ends=chunk.finish_reason is not None):
            self._patience.fed()
            self._odd = None
            self._goes_on = self._goes_on or self.finish_reason is not None
            self.finish_reason = None
        self._take_facts(chunk)
        if chunk.known:
            self._answered = True
        elif self._odd is None or not self._odd.words:
            self._odd = read_error(data, "")

    def _without_echo(self, text: str) -> str:
        """The first piece without the text that it continues, where the endpoint repeats that.

        llama.cpp does so in an answer that is no stream; Mistral always, in a piece of its own
        (https://docs.mistral.ai/guides/prefix, https://github.com/vercel/ai/pull/3256).
        """
        echo, self._echo = self._echo, ""
        repeats = self._whole or self._endpoint.prefix == "flag"
        return text.removeprefix(echo) if repeats else text

    def _take_facts(self, chunk: Chunk) -> None:
        self.facts.take(chunk)
        if chunk.error is not None:
            self.fail(self._reported(chunk.error, passing=chunk.in_choice))
        elif chunk.tools or chunk.finish_reason in ("tool_calls", "function_call"):
            self.fail_with("tool_calls", "No tool was offered.")
        elif chunk.fault:
            self.fail_with("upstream_error", f"Finish reason: {chunk.fault}.", passing=True)
        elif chunk.finish_reason is not None and self.finish_reason is None:
            self.finish_reason = chunk.finish_reason
            if self._content.answered and not self._goes_on:
                self._patience.finished()

    def _finish(self, how: str, *, done: bool = False) -> None:
        """The stream said, by [DONE] or its end, that this is all."""
        odd = self._odd
        words = describe(odd.words, odd.kind, self._secrets()) if odd else ""
        if self._answered:
            # A last event in words that is no completion may be the reason of the end.
            orderly = (done or self._whole) and not (odd and odd.words)
            self.complete = orderly or self.finish_reason is not None
            if not self.complete:
                self.detail = f"{how} without a finish reason."
                if words:
                    self.detail = f"{self.detail} Beside it: {words}"
            self._stop()
        elif odd is not None:
            self.fail_with("bad_response", f"No answer in what was sent. {words}".strip())
        else:
            self.fail_with("empty_response", "Status 200, and no event with content.")

    def _report_error(self, data: bytes) -> None:
        """Take in an event named `error`, of JSON or of words."""
        try:
            error = json.loads(data)
        except (ValueError, RecursionError):
            said = read_error(data, "")
            error = {"message": said.words, "type": said.kind}
        self.fail(self._reported(error))

    def _reported(self, error: object, *, passing: bool = False) -> UpstreamError:
        names = names_sent(self._endpoint, self._request)
        error_ = reported(self._endpoint.label, error, self._secrets(), names)
        error_.passing = error_.passing or (passing and not error_.permanent)
        return error_

    def fail_with(self, code: str, detail: str, *, passing: bool = False) -> None:
        error = UpstreamError(code, self._endpoint.label, detail=detail)
        error.passing = passing
        self.fail(error)

    def fail(self, error: UpstreamError) -> None:
        """End with an error, unless the reply was complete before it."""
        if not self.ended:
            finished = self.finish_reason is not None and not self._goes_on
            self.complete = finished and (
                self._content.answered or (self._content.thought and error.code in _LOST)
            )
            if not self.complete:
                self.failure = error
        self._stop()

    def _stop(self) -> None:
        if self.ended:
            return
        self.ended = True
        self._content.finish(orderly=self.complete and self.finish_reason != "length")
        self._habits.learn(self._request.model, self._content.began)

    def _secrets(self) -> list[str]:
        return [*self._endpoint.secrets, *(m.get("content", "") for m in self._request.messages)]
