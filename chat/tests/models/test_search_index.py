"""The search index after every command: the words of all that was answered, and no others."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from chat import models
from chat.models import Accepted, Conversation, Message, MessageWords, Outcome, Process, Reply
from chat.models.commands.branching import branch
from chat.models.commands.call_deletion import StillAnswered, delete_call
from chat.models.commands.openai_calls import NewCall, leave_call, place_call
from chat.models.search_index import PLACES_OF_A_WORD, POSITIONS, entry, vector, write
from chat.models.values.states import UNFINISHED, Role, Status
from chat.models.values.title_words import title_words

type Send = Callable[..., Accepted]


def indexed() -> dict[int, str]:
    """The words by message, as the database has them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rowid, words FROM chat_messagewords")
        return dict(cursor.fetchall())


def stored(message: Message) -> str:
    """The words of a message as a statement would store them now."""
    words = entry(message.pk, message.user_id, message.text).words
    if settings.SQLITE:
        return words
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::tsvector::text", [words])
        return str(cursor.fetchone()[0])


def check() -> None:
    """Compare the index to the rows."""
    found = indexed()
    messages = {row.pk: row for row in Message.objects.select_related("conversation")}
    assert found.keys() <= messages.keys(), "words of a deleted message"
    for pk, words in found.items():
        assert words == stored(messages[pk]), messages[pk].role
        assert messages[pk].conversation.source != "passing"
    ended = [
        row
        for row in messages.values()
        if row.role == Role.ASSISTANT
        and (row.ended is not None or row.copied)
        and row.conversation.source != "passing"
    ]
    wanted = {row.pk for row in messages.values() if row.copied}
    wanted |= {row.pk for row in ended} | {row.parent_id for row in ended if row.parent_id}
    assert wanted <= found.keys(), "an answered message that is not found"
    if not any(row.status in UNFINISHED for row in messages.values()):
        assert wanted == found.keys()
    for title, words in Conversation.objects.values_list("title", "title_words"):
        assert words == title_words(title)
    if settings.SQLITE:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO chat_messagewords (chat_messagewords) VALUES ('integrity-check')"
            )


class Player:
    """Carries out commands of one user in a random order."""

    def __init__(self, seed: int, user: int, process: Process) -> None:
        self.random = random.Random(seed)
        self.user, self.process = user, process
        self.claims: list[models.Claim] = []
        self.finished = 0

    def text(self) -> str:
        words = ["Größe", "pepper", "東京都", "árvíz", "salt", "", "Straße", "naïve", "100%"]
        return " ".join(self.random.choices(words, k=self.random.randint(1, 8))).strip() or "x"

    def one(self, **wanted: object) -> Reply | None:
        rows = list(Reply.objects.filter(user=self.user, **wanted).order_by("pk"))
        return self.random.choice(rows) if rows else None

    def play(self) -> None:
        """One command; those that are refused change nothing."""
        commands = [
            *[self.send] * 4, *[self.claim] * 5, *[self.finish] * 6,
            self.below, self.edit, self.regenerate, self.carry_on, self.withdraw, self.stop,
            self.branch, self.hide, self.put_back, self.move_text, self.rename, self.remove,
            self.call, self.call, self.leave, self.delete_a_call,
        ]  # fmt: skip
        with suppress(
            models.NotAllowed, models.TooMany, Message.DoesNotExist, Conversation.DoesNotExist,
            models.ApiCall.DoesNotExist, StillAnswered,
        ):  # fmt: skip
            self.random.choice(commands)()

    def send(self, conversation: Conversation | None = None, parent: Reply | None = None) -> None:
        models.send(
            self.user,
            uuid4(),
            conversation=conversation.uid if conversation else None,
            parent=parent.uid if parent else None,
            text=self.text(),
            model=None,
        )

    def below(self) -> None:
        if reply := self.one(conversation__source=""):
            self.send(reply.conversation, reply)

    def claim(self) -> None:
        if reply := self.one(status=Status.QUEUED):
            claim = Reply.objects.claim(reply.pk, self.process.pk)
            if claim is not None:
                self.claims.append(claim)

    def finish(self) -> None:
        """End an attempt, or try to: some are lost by now."""
        if self.claims:
            claim = self.claims.pop(self.random.randrange(len(self.claims)))
            text = self.random.choice(["", self.text(), self.text()])
            status = self.random.choice([Status.COMPLETE, Status.FAILED, Status.STOPPED])
            self.finished += Reply.objects.finish(claim, text, "", Outcome(status)) is not None

    def move_text(self) -> None:
        if self.claims:
            claim = models.replace_text(self.claims.pop(), "", self.text())
            if claim is not None:
                self.claims.append(claim)

    def put_back(self) -> None:
        if self.random.random() < 0.7:
            return
        running = Reply.objects.filter(status=Status.RUNNING)
        Reply.objects.put_back(running, models.Reason.TAKEOVER, fault=True)

    def edit(self) -> None:
        if reply := self.one():
            assert reply.parent
            models.edit(self.user, uuid4(), message=reply.parent.uid, text=self.text(), model=None)

    def regenerate(self) -> None:
        if reply := self.one():
            models.regenerate(self.user, uuid4(), reply=reply.uid, model=None)

    def carry_on(self) -> None:
        if reply := self.one(ended__isnull=False):
            models.continue_(self.user, uuid4(), reply=reply.uid, model=None)

    def withdraw(self) -> None:
        if reply := self.one(status=Status.QUEUED):
            assert reply.parent
            models.withdraw(self.user, uuid4(), message=reply.parent.uid)

    def stop(self) -> None:
        if reply := self.one():
            Reply.objects.stop(self.user, reply.uid)

    def conversation(self) -> Conversation:
        rows = list(Conversation.objects.for_user(self.user).order_by("pk"))
        if not rows:
            raise Conversation.DoesNotExist
        return self.random.choice(rows)

    def branch(self) -> None:
        if row := self.one():
            chat = row.conversation
            branch(self.user, uuid4(), conversation=chat.uid, message=row.uid)

    def hide(self) -> None:
        if self.random.random() < 0.3:
            Conversation.objects.filter(pk=self.conversation().pk).update(deleted_at=timezone.now())

    def rename(self) -> None:
        self.conversation().change(title=self.text())

    def remove(self) -> None:
        if self.random.random() < 0.3:
            self.conversation().remove()

    def call(self) -> None:
        said = [
            {"role": role, "content": self.text()}
            for role in ("user", "assistant", "user")[self.random.choice([0, 2]) :]
        ]
        store = self.random.random() < 0.7
        place_call(self.user, NewCall("one", said, {}, store=store))

    def leave(self) -> None:
        if reply := self.one(conversation__source="passing"):
            leave_call(self.user, reply.uid, stop=True, store=False)

    def delete_a_call(self) -> None:
        if reply := self.one(conversation__source="api", ended__isnull=False):
            delete_call(self.user, reply.uid)


@pytest.mark.parametrize("seed", range(8))
def test_index_is_right_after_any_commands(alice: User, process: Process, seed: int) -> None:
    player = Player(seed, alice.pk, process)
    for _ in range(80):
        player.play()
        check()
    # To a rest: everything ends.
    shown = Reply.objects.for_user(alice.pk)
    for reply in shown.filter(status__in=UNFINISHED).order_by("pk"):
        Reply.objects.filter(pk=reply.pk).update(owner=None)
        Reply.objects.stop(alice.pk, reply.uid)
    check()
    assert player.finished > 1
    assert indexed()


def test_user_takes_the_words_along(
    alice: User, bob: User, make_conversation: Callable[..., Conversation]
) -> None:
    for user in (alice, bob):
        row = make_conversation(user)
        write(entry(one.pk, user.pk, one.text) for one in row.messages.order_by("pk"))
    assert len(indexed()) == 4
    alice.delete()
    assert len(indexed()) == 2
    check()


def test_copy_of_the_database_has_no_index(send: Send) -> None:
    assert not MessageWords.objects.exists()


def test_huge_and_strange_texts_are_indexed(
    alice: User, make_conversation: Callable[..., Conversation]
) -> None:
    texts = [
        "pepper " * 100_000,
        " ".join(f"word{number}" for number in range(60_000)),
        "ж" * 300_000,
        "東" * 300_000,
        "' \\ \" : & | ! ( ) * <-> \u02bc it's \u2019s 'x':1A",
        "\u0301\u0300 \U0001f600 e\u0301",
        "",
    ]
    row = make_conversation(alice)
    for text in texts:
        message = Message.objects.create(
            conversation=row, user=alice, role="assistant", status="complete", text=text
        )
        write([entry(message.pk, alice.pk, text)])
    assert len(indexed()) == len(texts)


def test_places_in_a_vector_begin_anew_and_are_few() -> None:
    words = [f"w{number}" for number in range(POSITIONS + 2)] + ["often"] * 300
    places = dict(part.split(":") for part in vector(words).split(" "))
    assert (places["'w0'"], places[f"'w{POSITIONS - 1}'"]) == ("1", str(POSITIONS))
    assert places[f"'w{POSITIONS}'"] == "1"
    assert places["'often'"].count(",") == PLACES_OF_A_WORD - 1
