"""Preferences of users, which hold on every device."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class PreferencesQuerySet(models.QuerySet["Preferences"]):
    def choose_language(self, user_id: int, code: str) -> None:
        """Store a language of `LANGUAGES`, or "" for that of the browser."""
        self.update_or_create(user_id=user_id, defaults={"language": code})


class Preferences(models.Model):
    """A user's choices about the pages. Users who never chose have no row."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="chat_preferences",
    )
    language = models.CharField(
        max_length=16,
        default="",
        blank=True,
        help_text="Language of the page. Empty: the browser's.",
    )

    objects = PreferencesQuerySet.as_manager()

    def __str__(self) -> str:
        return f"preferences of user {self.user_id}"
