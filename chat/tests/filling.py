"""Filling of the search index with rows that tests have stored by themselves."""

from __future__ import annotations

from chat.models.search import filling


def fill_index() -> None:
    """Put all stored messages and titles into the search index."""
    filling.begin_again()
    while filling.fill():
        pass
    assert filling.is_filled()
