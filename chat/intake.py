"""What clients ask for, whatever transport it came by: carried out, or refused in one way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import Error as DatabaseError

from chat import protocol
from chat.models import Accepted, IdReused, NoModel, NotAllowed, Reply, Request, TooMany
from chat.protocol import BadFrame
from chat.replies import process
from chat.replies.database import SOCKETS

logger = structlog.stdlib.get_logger(__name__)

STATUS = {
    "bad_json": 400,
    "too_deep": 400,
    "too_large": 413,
    "bad_field": 422,
    "unknown_type": 422,
    "no_model": 422,
    "not_found": 404,
    "not_allowed": 409,
    "id_reused": 409,
    "rate_limited": 429,
    "too_many": 429,
    "draining": 503,
    "unavailable": 503,
}
"""The HTTP status of each error code."""


def greeting(user_id: int, name: str, seq: int) -> dict[str, object]:
    """The fields of `ready`."""
    return {
        "v": protocol.VERSION,
        "user": {"id": str(user_id), "name": name},
        "limits": {
            "send_bytes": settings.MESSAGE_BYTES,
            "reply_bytes": settings.REPLY_BYTES,
            "control_bytes": settings.CONTROL_FRAME_BYTES,
            "unacknowledged_bytes": settings.UNACKNOWLEDGED_BYTES,
            "frames_per_minute": settings.FRAMES_PER_MINUTE,
        },
        "seq": seq,
    }


async def accept(user_id: int, frame: protocol.Asked) -> Accepted:
    """Store what a client asked for.

    Raises `BadFrame` with `not_found`, `id_reused`, `not_allowed`, `no_model`, `too_many`,
    `draining` or `unavailable`.
    """
    about = about_of(frame)
    if process.draining:
        message = "The server restarts. Connect again."
        raise BadFrame("draining", message, retry_after=1, **about)
    with refusals(**about):
        return await SOCKETS.run(_store, user_id, frame)


async def stop(user_id: int, uid: UUID) -> Reply:
    """Ask for the end of a reply, wherever it is produced. Raises `BadFrame`."""
    with refusals(reply=str(uid)):
        return await process.stop(user_id, uid)


@contextmanager
def refusals(**about: str) -> Iterator[None]:
    """What the models refuse, as `BadFrame` with these facts."""
    try:
        yield
    except ObjectDoesNotExist:
        # The same for a stranger's id as for an unknown one.
        raise BadFrame("not_found", "There is nothing here for you.", **about) from None
    except IdReused:
        message = "This id was used for something else."
        raise BadFrame("id_reused", message, field="id", **about) from None
    except NotAllowed as problem:
        raise BadFrame("not_allowed", str(problem), **about) from None
    except NoModel as problem:
        raise BadFrame("no_model", str(problem), field="model", **about) from None
    except TooMany as problem:
        raise BadFrame("too_many", str(problem), **about) from None
    except DatabaseError as problem:
        logger.warning("intake: the database: %s", type(problem).__name__)
        message = "The server cannot reach its database. Try again in a moment."
        raise BadFrame("unavailable", message, retry_after=2, **about) from None


def about_of(frame: protocol.ClientFrame) -> dict[str, str]:
    """The ids by which a client recognises what an error is about."""
    return {
        name: str(value)
        for name in ("id", "reply")
        if (value := getattr(frame, name, None)) is not None
    }


def _store(user_id: int, frame: protocol.Asked) -> Accepted:
    match frame:
        case protocol.Send():
            return Request.objects.send(
                user_id,
                frame.id,
                conversation=frame.conversation,
                parent=frame.parent,
                text=frame.text,
                model=frame.model,
                settings=protocol.settings_object(frame.settings),
            )
        case protocol.Edit():
            return Request.objects.edit(
                user_id, frame.id, message=frame.message, text=frame.text, model=frame.model
            )
        case protocol.Regenerate():
            return Request.objects.regenerate(
                user_id, frame.id, reply=frame.reply, model=frame.model
            )
        case protocol.Continue():
            return Request.objects.continue_(
                user_id, frame.id, reply=frame.reply, model=frame.model
            )
        case protocol.Withdraw():
            return Request.objects.withdraw(user_id, frame.id, message=frame.message)
