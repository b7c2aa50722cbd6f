"""Preferences of users, which hold on every device."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class PreferencesQuerySet(models.QuerySet["Preferences"]):
    def choose_language(self, user_id: int, code: str) -> None:
        """Store a language of `LANGUAGES`, or "" for that of the browser."""
        self.update_or_create(user_id=user_id, defaults={"language": code})

    def choose_defaults(self, user_id: int, model: str, chosen: dict[str, Any]) -> None:
        """Store what new conversations begin with: a model, "" for the server's, and settings."""
        self.update_or_create(
            user_id=user_id, defaults={"default_model": model, "default_settings": chosen}
        )

    def defaults_of(self, user_id: int) -> tuple[str, dict[str, Any]]:
        """Model and settings of a user's new conversations."""
        found = self.filter(pk=user_id).values_list("default_model", "default_settings").first()
        return found or ("", {})


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
    default_model = models.CharField(
        max_length=255,
        default="",
        blank=True,
        db_default="",
        help_text="Model of new conversations. Empty: the server's default.",
    )
    default_settings = models.JSONField(
        default=dict,
        blank=True,
        db_default={},
        help_text="Settings of new conversations, as those of a conversation.",
    )

    objects = PreferencesQuerySet.as_manager()

    def __str__(self) -> str:
        return f"preferences of user {self.user_id}"
