"""Filling of the search index with rows that tests have stored by themselves."""

from __future__ import annotations

from chat.models import search_filling


def fill_index() -> None:
    """Put all stored messages and titles into the search index."""
    search_filling.begin_again()
    while search_filling.fill():
        pass
    assert search_filling.is_filled()
