"""Parley's application, which tells of stores that may claim, and dies at a step of such a claim.

The environment's DIES names the step: `claimed` within the transaction, `committed`, `handed-over`
to the loop, or `produced`, just before the producer's first await. LATE is a user for whom a
message is stored when the lease has been released, as by a thread that comes too late.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.db import transaction

from chatproject.asgi import application

__all__ = ["BEGUN", "application"]

BEGUN = "a store begins that may claim"
"""Logged before it asks for any lock."""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _then_die(call: Callable[..., Any]) -> Callable[..., None]:
    def called(*args: Any) -> None:
        call(*args)
        _die()

    return called


def _tell_stores() -> None:
    from chat.replies.claims_at_send import ClaimsAtSend

    claiming = ClaimsAtSend.claiming

    @contextmanager
    def told(self: ClaimsAtSend) -> Iterator[int | None]:
        with claiming(self) as owner:
            if owner is not None:
                print(BEGUN, file=sys.stderr, flush=True)
            yield owner

    ClaimsAtSend.claiming = told  # type: ignore[method-assign]


def _store_late(user_id: int) -> None:
    from chat import models
    from chat.replies import leases

    release = leases.release

    def released(pk: int) -> None:
        release(pk)
        models.send(user_id, uuid4(), text="Too late", model=None, conversation=None, parent=None)

    leases.release = released


def _arm(step: str) -> None:
    from chat.models.changes import listener
    from chat.models.commands import queueing
    from chat.replies.dispatch import Dispatch

    def produce_after_commit(claim: Any) -> None:
        hand_over = listener.claimed
        assert hand_over is not None
        if step == "claimed":
            _die()
        transaction.on_commit(_die if step == "committed" else lambda: _then_die(hand_over)(claim))

    if step == "produced":
        Dispatch.produce = _then_die(Dispatch.produce)  # type: ignore[method-assign]
    else:
        queueing.produce_after_commit = produce_after_commit  # type: ignore[attr-defined]


_tell_stores()
if late := os.environ.get("LATE"):
    _store_late(int(late))
if step := os.environ.get("DIES"):
    _arm(step)
