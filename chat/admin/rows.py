"""Editing within the rows of a list."""

from __future__ import annotations

from typing import Any

from django import forms


class RowForm(forms.ModelForm):  # type: ignore[type-arg]
    """Names each field with its row: the column's head names it for eyes only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if not field.widget.is_hidden:
                field.widget.attrs["aria-label"] = f"{field.label}: {self.instance}"
