"""A conversation: a tree of messages owned by one user."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from uuid import UUID, uuid4

from django.conf import settings as server_settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.database.statements import update
from chat.models.attempting.turns import wake_next
from chat.models.changes import Counter
from chat.models.folders import Folder
from chat.models.reading.paths import path_keys
from chat.models.search_state import erase_soon
from chat.models.values.graphemes import cut
from chat.models.values.refusals import TooMany
from chat.models.values.states import UNFINISHED, Status
from chat.models.values.title_words import TitleWords
from chat.models.values.titles import title_of
from chat.sentence import Sentence

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from chat.models.messages import Message

TITLE_LENGTH = 120


class Source(models.TextChoices):
    """The origin of a conversation."""

    CHAT = "", "Chat"
    API = "api", "API"
    PASSING = "passing", "API, not to be stored"


class TitleOrigin(models.TextChoices):
    """The author of a title."""

    WORDS = "", "First words"
    MODEL = "model", "Model"
    OWNER = "owner", "Owner"


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def for_user(self, user: User | int | Any) -> ConversationQuerySet:
        """The only door to conversations and, through them, to messages: for a user or its key.

        Removed ones are not found, though it can be undone.
        """
        return self.filter(owner_id=getattr(user, "pk", user), deleted_at=None)

    def listed(self) -> ConversationQuerySet:
        """All but temporary ones, for lists, searches and exports of everything."""
        return self.filter(shown_at=None)

    def with_leaf(self) -> ConversationQuerySet:
        """With the id of the leaf, which objects of a conversation have, and none of its texts."""
        texts = ("leaf__text", "leaf__reasoning", "leaf__error_detail")
        return self.select_related("leaf").defer(*texts)

    def in_order(self) -> ConversationQuerySet:
        """Pinned ones in their order, then the others by last activity, newest first."""
        return self.order_by("-pinned", "-updated", "-id")

    def after(self, pinned: int, updated: datetime, pk: int) -> ConversationQuerySet:
        """Conversations after this one in that order; each pinned one has a place of its own."""
        if pinned:
            return self.filter(pinned__lt=pinned)
        return self.filter(
            models.Q(updated__lt=updated) | models.Q(updated=updated, pk__lt=pk),
            updated__lte=updated,
            pinned=0,
        )


class Conversation(models.Model):
    KIND: ClassVar[Literal["conversation"]] = "conversation"

    uid = models.UUIDField(unique=True, default=uuid4, editable=False)
    owner = models.ForeignKey(
        server_settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="conversations",
        verbose_name=_("owner"),
    )
    title = models.CharField(_("title"), max_length=TITLE_LENGTH)
    title_origin = models.CharField(
        max_length=8,
        choices=TitleOrigin,
        blank=True,
        default="",
        db_default="",
        help_text="Author of the title. Empty: made of the first words.",
    )
    title_words = TitleWords(blank=True, default="", db_default="", editable=False)
    model = models.CharField(
        _("model"), max_length=200, blank=True, help_text="Public id of the chosen model."
    )
    settings = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text="Settings of its replies: system, temperature, top_p, max_tokens, "
        "reasoning_effort.",
    )
    leaf = models.ForeignKey("chat.Message", on_delete=models.SET_NULL, null=True, related_name="+")
    running = models.BooleanField(default=False, help_text="A reply is queued or running.")
    archived = models.BooleanField(
        default=False, db_default=False, help_text="Hidden from the owner's list."
    )
    folder = models.ForeignKey(
        "chat.Folder",
        to_field="uid",
        on_delete=models.SET_NULL,
        null=True,
        related_name="conversations",
        db_constraint=False,  # both go with their owner
    )
    pinned = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Place among pinned conversations, largest first. 0: not pinned.",
    )
    source = models.CharField(
        max_length=8,
        choices=Source,
        blank=True,
        default="",
        db_default="",
        help_text="Interface that made the conversation.",
    )
    branched_conversation = models.UUIDField(
        null=True, help_text="Id of the conversation it was branched from; may be deleted."
    )
    branched_message = models.UUIDField(null=True, help_text="Id of the last copied message.")
    message_count = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(help_text="Time of the last activity.")
    seq = models.BigIntegerField(default=0)
    shown_at = models.DateTimeField(
        null=True, help_text="Last time a page showed it, within a minute. Empty: not temporary."
    )
    deleted_at = models.DateTimeField(
        null=True, help_text="Time of removal. The row is deleted later."
    )

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        indexes = [
            models.Index(fields=["owner", "-updated", "-id"]),
            models.Index(fields=["owner", "-pinned", "-updated", "-id"]),
            models.Index(fields=["owner", "seq"]),
            models.Index(fields=["-updated", "-id"]),
            models.Index(
                fields=["deleted_at"],
                name="chat_conversation_removed",
                condition=models.Q(deleted_at__isnull=False),
            ),
            models.Index(
                fields=["shown_at"],
                name="chat_conversation_temporary",
                condition=models.Q(shown_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def __repr__(self) -> str:
        return f"<Conversation {self.uid}>"  # its title is the beginning of a prompt

    @property
    def temporary(self) -> bool:
        return self.shown_at is not None

    def touch(self, counter: Counter, *fields: str) -> None:
        """Save these fields under the owner's counter, whose lock the caller holds."""
        counter.record(self, "updated")
        update(self, [*fields, "seq"])

    def refresh_running(self) -> None:
        """Set `running` from the replies as they now stand."""
        self.running = self.messages.filter(status__in=UNFINISHED).exists()

    def change(
        self,
        *,
        title: str | None = None,
        model: str | None = None,
        leaf: UUID | None = None,
        settings: dict[str, Any] | None = None,
        archived: bool | None = None,
        pinned: bool | None = None,
        folder: UUID | Literal["none"] | None = None,
    ) -> None:
        """Rename, choose another model, show another branch, replace the settings, or file it.

        Raises `Message.DoesNotExist` for a leaf that is not in this conversation,
        `Folder.DoesNotExist` for somebody else's, and `TooMany`.
        """
        with Counter.objects.held(self.owner_id) as counter:
            self.refresh_from_db()
            if self.deleted_at is not None:
                raise Conversation.DoesNotExist
            if title is not None:
                self.title = cut(title, TITLE_LENGTH)
                self.title_origin = TitleOrigin.OWNER
            if model is not None:
                self.model = model
            if leaf is not None:
                self.leaf = self.messages.get(uid=leaf)
            if settings is not None:
                self.settings = settings
            if archived is not None:
                self.archived = archived
            if pinned is not None:
                self._pin(pinned)
            if folder is not None:
                mine = Folder.objects.for_user(self.owner_id)
                self.folder = None if folder == "none" else mine.get(uid=folder)
            fields = ("title", "title_words", "title_origin", "model", "leaf", "settings")
            self.touch(counter, *fields, "archived", "pinned", "folder")

    def _pin(self, pinned: bool) -> None:
        """Before the other pinned ones, where it is not one of them yet."""
        if not pinned:
            self.pinned = 0
        elif not self.pinned:
            others = Conversation.objects.for_user(self.owner_id).filter(pinned__gt=0)
            found = others.aggregate(count=models.Count("pk"), last=models.Max("pinned"))
            if found["count"] >= server_settings.PINS_PER_USER:
                most = server_settings.PINS_PER_USER
                raise TooMany(
                    Sentence(
                        "There are already {count} pinned conversations (PINS_PER_USER).",
                        count=most,
                    )
                )
            self.pinned = (found["last"] or 0) + 1

    def pin_again(self) -> None:
        """Keep the place among the pinned ones, where nobody has it; else come first."""
        others = Conversation.objects.for_user(self.owner_id).exclude(pk=self.pk)
        if others.filter(pinned=self.pinned).exists():
            self.pinned = others.aggregate(last=models.Max("pinned"))["last"] + 1

    def grow(self, counter: Counter, reply: Message, *, by: int) -> None:
        """A reply was queued, and is shown from now on; there are `by` more messages.

        Saves a new model and new settings along with it.
        """
        self.leaf = reply
        self.message_count += by
        self.updated = timezone.now()
        self.running = True
        self.touch(counter, "model", "settings", "updated", "running", "leaf", "message_count")

    def forget(self, counter: Counter, *messages: Message) -> None:
        """Delete a message with its reply, in this order; nothing follows on them any more.

        Nothing is left of a conversation that has no other messages.
        """
        first = messages[0]
        for message in messages:
            counter.record_deletion("message", message.uid)
        self.messages.filter(pk__in=[message.pk for message in messages]).delete()
        erase_soon()
        self.message_count = self.messages.count()
        if not self.message_count:
            self.delete_now(counter)
            return
        if self.leaf_id in {message.pk for message in messages}:
            self.leaf = self._newest_below(first.parent)
        self.updated = timezone.now()
        self.refresh_running()
        self.retitle(first.text)
        fields = ("leaf", "message_count", "updated", "running", "title", "title_words")
        self.touch(counter, *fields)

    def _newest_below(self, message: Message | None) -> Message:
        """The end of the path through this message that is shown first; None: through any root."""
        below: set[int | None] = {message.pk if message is not None else None}
        for pk, parent in self.messages.order_by("pk").values_list("pk", "parent_id"):
            if parent in below:  # messages that follow on another are younger
                below.add(pk)
        return self.messages.get(pk=max(pk for pk in below if pk is not None))

    def retitle(self, before: str) -> None:
        """A first title goes with the text it was made of."""
        if self.title_origin == TitleOrigin.WORDS and self.title == title_of(before):
            first = self.messages.filter(parent=None).order_by("pk")[0]
            self.title = title_of(first.text)

    def remove(self) -> None:
        """Delete the conversation with its messages for good; counts as ending its replies.

        A producer of one of them learns of it from its next checkpoint, which stores nothing.
        Raises `Conversation.DoesNotExist` for one that is deleted already.
        """
        with Counter.objects.held(self.owner_id) as counter:
            if not Conversation.objects.filter(pk=self.pk).exists():
                raise Conversation.DoesNotExist
            # A checkpoint locks replies only: it would add to rows that are being deleted.
            running = self.messages.filter(status=Status.RUNNING)
            list(running.select_for_update(no_key=True).order_by("pk").values_list("pk"))
            self.delete_now(counter)
            wake_next(self.owner_id)

    def delete_now(self, counter: Counter) -> None:
        """Delete it for good, with a tombstone."""
        self.erase()
        counter.record_deletion("conversation", self.uid)

    def erase(self) -> None:
        """Delete its row with all that belongs to it, and tell nobody."""
        self.delete()
        erase_soon()

    def path(self, leaf: Message | None = None) -> list[Message]:
        """The messages from the root to `leaf` (the stored leaf when not given)."""
        ids = [pk for pk, _, _ in path_keys(leaf.pk if leaf is not None else self.leaf_id)]
        messages = self.messages.in_bulk(ids)
        return [messages[pk] for pk in reversed(ids)]
