"""Commands of clients on any transport: carried out, or refused in one way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.conf import settings as server_settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import Error as DatabaseError

from chat import models, protocol
from chat.database.faults import sentence, troubles
from chat.database.threads import SOCKETS
from chat.models import Accepted, Catalogue, IdReused, NoModel, NotAllowed, Reply, TooMany
from chat.protocol import BadFrame
from chat.protocol.sentences import NOTHING_HERE
from chat.replies import process
from chat.sentence import Sentence

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


def greeting(user_id: int, name: str, seq: int) -> protocol.Me:
    """The user and the server's limits, as a client needs them first."""
    limits = protocol.Limits(
        send_bytes=server_settings.MESSAGE_BYTES,
        reply_bytes=server_settings.REPLY_BYTES,
        control_bytes=server_settings.CONTROL_FRAME_BYTES,
        unacknowledged_bytes=server_settings.UNACKNOWLEDGED_BYTES,
        frames_per_minute=server_settings.FRAMES_PER_MINUTE,
        undo_seconds=server_settings.UNDO_SECONDS,
        temporary=server_settings.TEMPORARY_CHATS,
    )
    return protocol.Me(protocol.VERSION, protocol.UserObject(str(user_id), name), limits, seq)


def offered(catalogue: Catalogue) -> list[protocol.ModelObject]:
    """The models on offer, in the order in which they are shown."""
    return [
        protocol.ModelObject(
            id=offer.id,
            label=offer.label,
            endpoint=catalogue.endpoints[offer.endpoint].label,
            default=offer is catalogue.default,
            note=offer.note,
            context=offer.context,
        )
        for offer in catalogue.offers
    ]


def accepted_frame(stored: Accepted) -> str:
    """The answer to a request that was stored, or known already."""
    frame = protocol.AcceptedFrame(stored.id, stored.conversation, stored.message, stored.reply)
    return protocol.encode(frame)


async def accept(user_id: int, frame: protocol.Command, token: int | None = None) -> Accepted:
    """Carry out a client's command; `token` where it came with one.

    Raises `BadFrame` with `not_found`, `id_reused`, `not_allowed`, `no_model`, `too_many`,
    `draining` or `unavailable`.
    """
    about = about_of(frame)
    if process.draining:
        message = Sentence("The server is restarting. Connect again.")
        raise BadFrame("draining", message, retry_after=1, **about)
    with refusals(**about):
        return await SOCKETS.run_for(user_id, _store, user_id, frame, token)


async def stop(user_id: int, uid: UUID) -> Reply:
    """Ask for the end of a reply, wherever it is produced. Raises `BadFrame`."""
    with refusals(reply=str(uid)):
        return await process.stop(user_id, uid)


@contextmanager
def refusals(**about: str) -> Iterator[None]:
    """Turn refusals of the models into `BadFrame`s with these facts."""
    try:
        yield
    except ObjectDoesNotExist:
        # The same for a stranger's id as for an unknown one.
        raise BadFrame("not_found", NOTHING_HERE, **about) from None
    except IdReused:
        message = Sentence("This id was already used for something else.")
        raise BadFrame("id_reused", message, field="id", **about) from None
    except NotAllowed as problem:
        raise BadFrame("not_allowed", problem.args[0], **about) from None
    except NoModel as problem:
        raise BadFrame("no_model", problem.args[0], field="model", **about) from None
    except TooMany as problem:
        raise BadFrame("too_many", problem.args[0], **about) from None
    except DatabaseError as problem:
        troubles.note(problem)
        logger.warning("commands: the database: %s", type(problem).__name__)
        raise BadFrame("unavailable", sentence(problem), retry_after=2, **about) from None


def about_of(frame: protocol.ClientFrame) -> dict[str, str]:
    """The ids by which a client recognises the subject of an error."""
    return {
        name: str(value)
        for name in ("id", "reply")
        if (value := getattr(frame, name, None)) is not None
    }


def _store(user_id: int, frame: protocol.Command, token: int | None) -> Accepted:
    match frame:
        case protocol.Send():
            return models.send(
                user_id,
                frame.id,
                conversation=frame.conversation,
                parent=frame.parent,
                text=frame.text,
                model=frame.model,
                settings=protocol.settings_object(frame.settings),
                temporary=frame.temporary,
                token=token,
            )
        case protocol.Edit():
            return models.edit(
                user_id,
                frame.id,
                message=frame.message,
                text=frame.text,
                model=frame.model,
                token=token,
            )
        case protocol.Regenerate():
            return models.regenerate(
                user_id, frame.id, reply=frame.reply, model=frame.model, token=token
            )
        case protocol.Continue():
            return models.continue_(
                user_id, frame.id, reply=frame.reply, model=frame.model, token=token
            )
        case protocol.Withdraw():
            return models.withdraw(user_id, frame.id, message=frame.message)
