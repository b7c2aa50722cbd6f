"""A user's API token, shown by programs instead of a password. Only its hash is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any, NamedTuple, Self
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

PREFIX = "prl_"
SECRET_BYTES = 32
HINT_LENGTH = 4
NOTED_EVERY = timedelta(minutes=1)
"""Precision of `last_used`, so that a busy program does not cost a write per request."""


class Scope(models.TextChoices):
    """Rights of a token; none of them includes another."""

    CHAT = "chat", _("Chat: send messages, follow and stop replies, change conversations")
    READ = "read", _("Read: conversations, replies and models")
    EXPORT = "export", _("Export: whole conversations as files")


class Places(NamedTuple):
    """Numbers of replies that may run, and that may wait beside."""

    running: int
    waiting: int


class TooManyTokens(Exception):
    """The user has `TOKENS_PER_USER` tokens already."""


class AlreadyMade(Exception):
    """A token with this uid was made before; its secret is known to nobody here any more."""


class TokenQuerySet(models.QuerySet["Token"]):
    def for_user(self, user: Any) -> Self:
        """Tokens of one user, given as a user or its primary key."""
        return self.filter(user=user)

    def live(self) -> Self:
        """Valid tokens: neither revoked nor expired, of an active user."""
        return self.filter(_usable(), user__is_active=True)

    def make(
        self,
        user: User,
        name: str,
        scopes: Iterable[str],
        expires: datetime | None,
        *,
        uid: UUID | None = None,
    ) -> tuple[Token, str]:
        """A new token and its secret, which cannot be had again.

        Raises `TooManyTokens`, and `AlreadyMade` for a `uid` that a token has already.
        """
        wanted = set(scopes)
        if not wanted or wanted - set(Scope.values):
            raise ValueError(f"Scopes are some of {Scope.values}, not {sorted(wanted)}.")
        secret = PREFIX + token_urlsafe(SECRET_BYTES)
        row = Token(
            uid=uid or uuid4(),
            user=user,
            name=name,
            digest=_digest(secret),
            hint=secret[-HINT_LENGTH:],
            scopes=[scope for scope in Scope.values if scope in wanted],
            expires=expires,
        )
        with transaction.atomic():
            # One at a time per user, or two would both see the last free place.
            User.objects.select_for_update(no_key=True).get(pk=user.pk)
            if self.filter(uid=row.uid).exists():
                raise AlreadyMade
            if self.for_user(user).filter(_usable()).count() >= settings.TOKENS_PER_USER:
                raise TooManyTokens
            row.save(force_insert=True)
        return row, secret

    def find(self, secret: str) -> Token | None:
        """The live token with this secret, with its user."""
        rows = self.live().select_related("user__chat_preferences")
        rows = rows.defer("user__chat_preferences__default_settings")
        return rows.filter(digest=_digest(secret)).first()

    def places(self, tokens: Iterable[int | None]) -> dict[int | None, Places]:
        """The places for replies of each of these tokens; None: for those of the user."""
        found: dict[int | None, Places] = {
            None: Places(settings.RUNNING_REPLIES_PER_USER, settings.QUEUED_REPLIES_PER_USER)
        }
        if wanted := {token for token in tokens if token is not None}:
            found |= dict.fromkeys(wanted, _default_places())
            found |= {row.pk: row.places for row in self.filter(pk__in=wanted)}
        return found

    def revoke(self) -> int:
        """End those that are not ended yet; how many that were."""
        return self.filter(revoked=None).update(revoked=timezone.now())


class Token(models.Model):
    """The right to act for a user within its scopes, until it expires or is revoked."""

    uid = models.UUIDField(unique=True, default=uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="tokens",
        verbose_name=_("user"),
    )
    name = models.CharField(_("name"), max_length=80)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token.")
    hint = models.CharField(max_length=12, help_text="Last characters of the token.")
    scopes = models.JSONField(default=list)
    created = models.DateTimeField(_("created"), auto_now_add=True)
    expires = models.DateTimeField(pgettext_lazy("a token", "expires"), null=True, blank=True)
    last_used = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked = models.DateTimeField(_("revoked"), null=True, blank=True)
    running_limit = models.PositiveIntegerField(
        _("running limit"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Replies that may run at once. Empty: the server's RUNNING_REPLIES_PER_TOKEN."),
    )
    queued_limit = models.PositiveIntegerField(
        _("queued limit"),
        null=True,
        blank=True,
        help_text=_("Replies that may wait at once. Empty: the server's QUEUED_REPLIES_PER_TOKEN."),
    )

    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name

    @property
    def expired(self) -> bool:
        return self.expires is not None and self.expires <= timezone.now()

    @property
    def places(self) -> Places:
        """Numbers of its replies that may run and wait."""
        running, waiting = _default_places()
        return Places(
            running if self.running_limit is None else self.running_limit,
            waiting if self.queued_limit is None else self.queued_limit,
        )

    def allows(self, scopes: Iterable[str]) -> bool:
        """True if it has one of these scopes; without scopes, any token will do."""
        wanted = set(scopes)
        return not wanted or not wanted.isdisjoint(self.scopes)

    def revoke(self) -> bool:
        """End it for good; False when it was already."""
        return Token.objects.filter(pk=self.pk).revoke() == 1

    def used(self) -> None:
        """Note the use, at most once a minute."""
        now = timezone.now()
        if self.last_used is None or self.last_used <= now - NOTED_EVERY:
            # Of requests at the same moment, in whatever process, one writes.
            noted_before = Q(last_used=None) | Q(last_used__lte=now - NOTED_EVERY)
            Token.objects.filter(noted_before, pk=self.pk).update(last_used=now)
            self.last_used = now


def _default_places() -> Places:
    return Places(settings.RUNNING_REPLIES_PER_TOKEN, settings.QUEUED_REPLIES_PER_TOKEN)


def _usable() -> Q:
    return Q(revoked=None) & (Q(expires=None) | Q(expires__gt=timezone.now()))


def _digest(secret: str) -> str:
    """A plain hash is enough: the secret is 256 random bits, which nobody can try out."""
    return hashlib.sha256(secret.encode()).hexdigest()
