"""Whatever is asked for in whatever order: the tree stays a tree, and no client misses anything."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chat import models, protocol
from chat.models import (
    UNFINISHED,
    Claim,
    Conversation,
    Counter,
    Folder,
    Message,
    NotAllowed,
    Outcome,
    Process,
    Reason,
    Reply,
    Role,
    Status,
    TooMany,
    Unsaved,
    changes_since,
)
from chat.models.commands import removal
from chat.models.commands.branching import branch
from chat.models.commands.bulk import Action, act_on
from chat.models.commands.pins import order_pins

KINDS = (
    "send", "send", "answer", "edit", "edit", "regenerate", "withdraw", "withdraw", "stop",
    "continue", "claim", "claim", "write", "finish", "fail", "lose", "choose", "remove",
    "make_folder", "drop_folder", "restore_folder", "pin", "order_pins", "file",
    "restore", "restore", "forget", "act", "branch",
)  # fmt: skip


class Over(Exception):
    """Takes back what an example has stored."""


@dataclass
class Shown:
    """The state of a client: objects by id, and its last number."""

    seq: int = 0
    chats: dict[str, Any] = field(default_factory=dict)
    messages: dict[str, Any] = field(default_factory=dict)
    folders: dict[str, Any] = field(default_factory=dict)

    def copy(self) -> Shown:
        return Shown(self.seq, dict(self.chats), dict(self.messages), dict(self.folders))

    def catch_up(self, user_id: int) -> None:
        changes = changes_since(user_id, self.seq)
        assert not changes.reset
        for row in changes.conversations:
            if str(row.uid) not in self.chats:  # also one that was restored
                rows = row.messages.select_related("conversation", "parent")
                self.messages |= {str(one.uid): protocol.message_object(one) for one in rows}
        self.chats |= {
            str(row.uid): protocol.conversation_object(row) for row in changes.conversations
        }
        self.messages |= {str(row.uid): protocol.message_object(row) for row in changes.messages}
        self.folders |= {str(row.uid): protocol.folder_object(row) for row in changes.folders}
        for uid in changes.deleted_folders:
            self.folders.pop(str(uid), None)
        for uid in changes.deleted_messages:
            self.messages.pop(str(uid), None)
        for uid in changes.deleted_conversations:
            self.chats.pop(str(uid), None)
            gone = [key for key, row in self.messages.items() if row.conversation == uid]
            for key in gone:
                del self.messages[key]
        self.seq = changes.seq


class World:
    """Alice's conversations, and all that may be done with them by her and by a process."""

    def __init__(self, alice: User, process: Process) -> None:
        self.alice = alice
        self.process = process
        self.claims: list[Claim] = []
        self.fresh = Shown()
        self.earlier: list[Shown] = []
        """States of clients that have been away since."""

    def do(self, kind: str, pick: int) -> None:
        """One step, about the newest thing but so many; what cannot be done changes nothing."""
        before = Counter.objects.current(self.alice.pk)
        rows: list[Any]
        match kind:
            case "send" | "make_folder":
                rows = [None]
            case "drop_folder" | "restore_folder":
                rows = list(Folder.objects.order_by("pk"))
            case "edit" | "withdraw":
                rows = list(Message.objects.filter(role=Role.USER).order_by("pk"))
            case "remove" | "pin" | "order_pins" | "file" | "restore" | "forget" | "act":
                rows = list(Conversation.objects.order_by("pk"))
            case "claim":
                rows = list(Reply.objects.filter(status=Status.QUEUED).order_by("-turn"))
            case "write" | "finish" | "fail" | "lose":
                rows = self.claims
            case _:
                rows = list(Reply.objects.order_by("pk"))
        if not rows:
            return
        try:
            with transaction.atomic():
                getattr(self, f"_{kind}")(rows[-1 - pick % len(rows)], pick)
        except (NotAllowed, TooMany, ObjectDoesNotExist):
            assert Counter.objects.current(self.alice.pk) == before

    # --- what she does --------------------------------------------------------------------

    def _send(self, _: None, pick: int) -> None:
        self._ask(None, None, pick)

    def _answer(self, reply: Reply, pick: int) -> None:
        self._ask(reply.conversation.uid, reply.uid, pick)

    def _ask(self, chat: UUID | None, parent: UUID | None, pick: int) -> None:
        models.send(
            self.alice.pk, uuid4(), conversation=chat, parent=parent, text=f"Say {pick}",
            model=None,
        )  # fmt: skip

    def _edit(self, message: Message, pick: int) -> None:
        before = Message.objects.count()
        new = models.edit(
            self.alice.pk, uuid4(), message=message.uid, text=f"Rather {pick}", model=None
        )
        in_place = new.message == message.uid
        assert Message.objects.count() == before + (0 if in_place else 2)
        if not in_place:
            message.refresh_from_db()
            assert Message.objects.get(uid=new.message).parent_id == message.parent_id

    def _regenerate(self, reply: Reply, pick: int) -> None:
        models.regenerate(self.alice.pk, uuid4(), reply=reply.uid, model=None)

    def _withdraw(self, message: Message, pick: int) -> None:
        before = Message.objects.count()
        models.withdraw(self.alice.pk, uuid4(), message=message.uid)
        assert Message.objects.count() == before - 2

    def _continue(self, reply: Reply, pick: int) -> None:
        models.continue_(self.alice.pk, uuid4(), reply=reply.uid, model=None)

    def _stop(self, reply: Reply, pick: int) -> None:
        Reply.objects.stop(self.alice.pk, reply.uid)

    def _choose(self, reply: Reply, pick: int) -> None:
        reply.conversation.change(leaf=reply.uid)

    def _remove(self, chat: Conversation, pick: int) -> None:
        if pick % 3 == 0:
            removal.remove(self.alice.pk, chat.uid)

    def _restore(self, chat: Conversation, pick: int) -> None:
        removal.restore(self.alice.pk, chat.uid)

    def _act(self, chat: Conversation, pick: int) -> None:
        actions: list[Action] = ["archive", "unarchive", "move", "delete", "restore"]
        other = Conversation.objects.order_by("pk")[pick % Conversation.objects.count()]
        act_on(self.alice.pk, uuid4(), actions[pick % 5], [chat.uid, other.uid])

    def _branch(self, reply: Reply, pick: int) -> None:
        branch(self.alice.pk, uuid4(), conversation=reply.conversation.uid, message=reply.uid)

    def _forget(self, chat: Conversation, pick: int) -> None:
        """Final deletion of a removed one, of which nobody hears anything."""
        rows = Conversation.objects.filter(pk=chat.pk, deleted_at__isnull=False)
        rows.update(deleted_at=timezone.now() - timedelta(days=1))
        self.claims = [claim for claim in self.claims if claim.row.conversation_id != chat.pk]
        removal.finish_removals()
        assert not rows.exists()

    def _make_folder(self, _: None, pick: int) -> None:
        Folder.objects.make(self.alice.pk, uuid4(), f"Folder {pick}")

    def _drop_folder(self, folder: Folder, pick: int) -> None:
        removal.remove_folder(self.alice.pk, folder.uid)

    def _restore_folder(self, folder: Folder, pick: int) -> None:
        removal.restore_folder(self.alice.pk, folder.uid)

    def _pin(self, chat: Conversation, pick: int) -> None:
        chat.change(pinned=pick % 3 > 0)

    def _order_pins(self, chat: Conversation, pick: int) -> None:
        order_pins(self.alice.pk, [chat.uid])

    def _file(self, chat: Conversation, pick: int) -> None:
        folders = list(Folder.objects.order_by("pk"))
        chat.change(folder=folders[pick % len(folders)].uid if folders and pick else "none")

    # --- what a process does --------------------------------------------------------------

    def _claim(self, reply: Reply, pick: int) -> None:
        claim = Reply.objects.claim(reply.pk, self.process.pk)
        if claim is not None:
            path = [row.text for row in path_to(reply)[:-1] if row.text]
            said = [message["content"] for message in claim.messages]
            assert "\n\n".join(said) == "\n\n".join(path)  # neighbours of one role are one
            self.claims.append(claim)

    def _write(self, claim: Claim, pick: int) -> None:
        at = len(claim.text)
        part = Unsaved(claim.reply, claim.attempt, (("text", at, f"So {pick}"),))
        Reply.objects.checkpoint(self.process.pk, [part])

    def _finish(self, claim: Claim, pick: int) -> None:
        self.claims.remove(claim)
        Reply.objects.finish(claim, f"Well, {pick}.", "", Outcome(Status.COMPLETE, "stop"))

    def _fail(self, claim: Claim, pick: int) -> None:
        self.claims.remove(claim)
        Reply.objects.finish(claim, "", "", Outcome(Status.FAILED, error_code="unreachable"))

    def _lose(self, claim: Claim, pick: int) -> None:
        self.claims.remove(claim)
        Reply.objects.put_back(Reply.objects.filter(pk=claim.reply), Reason.TAKEOVER, fault=False)

    # --- what always holds ----------------------------------------------------------------

    def check(self) -> None:
        chats = list(Conversation.objects.for_user(self.alice).select_related("leaf"))
        rows = Message.objects.select_related("conversation", "parent").order_by("pk")
        messages = list(rows.filter(conversation__in=chats))
        running = Tally(row.conversation_id for row in messages if row.status == Status.RUNNING)
        assert set(running.values()) <= {1}
        depth: dict[int | None, int] = {None: -1}
        for row in messages:
            depth[row.pk] = depth[row.parent_id] + 1
            assert row.depth in (None, depth[row.pk])
            if row.parent is None:
                assert row.role == Role.USER
            else:
                assert row.parent.conversation_id == row.conversation_id
                assert row.parent.pk < row.pk, "so that there is no circle"
                assert row.parent.role != row.role
        for chat in chats:
            own = [row for row in messages if row.conversation_id == chat.pk]
            assert own
            assert chat.message_count == len(own)
            assert chat.running is any(row.status in UNFINISHED for row in own)
            assert chat.leaf_id in {row.pk for row in own if row.role == Role.ASSISTANT}
        pinned = [chat.pinned for chat in chats if chat.pinned]
        assert len(set(pinned)) == len(pinned)
        folders = list(Folder.objects.for_user(self.alice))
        assert {chat.folder_id for chat in chats} <= {None, *(row.uid for row in folders)}
        known = Shown(
            Counter.objects.current(self.alice.pk),
            {str(row.uid): protocol.conversation_object(row) for row in chats},
            {str(row.uid): protocol.message_object(row) for row in messages},
            {str(row.uid): protocol.folder_object(row) for row in folders},
        )
        self.earlier.append(self.fresh.copy())
        self.fresh.catch_up(self.alice.pk)
        assert self.fresh == known

    def check_who_was_away(self) -> None:
        for client in self.earlier[::4]:
            client.catch_up(self.alice.pk)
            assert client == self.fresh


def path_to(reply: Reply) -> list[Message]:
    found: list[Message] = [reply]
    while (above := found[-1].parent_id) is not None:
        found.append(Message.objects.get(pk=above))
    return found[::-1]


@pytest.fixture
def world(alice: User, process: Process) -> Callable[[], World]:
    return lambda: World(alice, process)


BEGINNING = [("send", 0), ("claim", 0), ("answer", 0), ("answer", 1), ("finish", 0), ("claim", 1)]
"""A question with its answer, one that is being answered, one that waits."""

STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 6)), min_size=15, max_size=40)


@hypothesis_settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # to shrink an example takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
def test_any_order_of_requests_leaves_a_tree_that_every_client_sees(
    world: Callable[[], World], steps: list[tuple[str, int]]
) -> None:
    try:
        with transaction.atomic():
            one = world()
            for kind, pick in [*BEGINNING, *steps]:
                one.do(kind, pick)
                one.check()
            one.check_who_was_away()
            raise Over
    except Over:
        pass
