"""The words of a conversation's title, beside it in its row: written whenever the title is."""

from __future__ import annotations

from typing import Any

from django.db import models

from chat.database.words import words


class TitleWords(models.TextField):  # type: ignore[type-arg]
    """The folded words of `title`, each between blanks; empty where nobody made them yet."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = title_words(model_instance.title)  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, value)
        return value


def title_words(title: str) -> str:
    """Never empty, so that a row without them shows."""
    return f" {' '.join(words(title))} "
