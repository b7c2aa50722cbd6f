"""`manage.py rebuild_search`: all of it, said as it goes, again, and on from an interruption."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from chat.management.commands import rebuild_search
from chat.models import Conversation, MessageWords
from chat.models.search import filling
from chat.tests.models.test_search_index import check, indexed

type Make = Callable[..., Conversation]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("rebuild_search", *arguments, stdout=out)
    return out.getvalue()


def test_it_fills_the_index_and_can_be_repeated(
    alice: User, make_conversation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_search, "PROGRESS_SECONDS", 0)
    monkeypatch.setattr(rebuild_search, "AT_ONCE", 3)
    for _ in range(5):
        make_conversation(alice, text="pepper")
    Conversation.objects.update(title_words=" wrong ")
    for _ in range(2):
        said = run()
        assert "%, down to message " in said
        assert said.endswith("The search index is complete.\n")
        assert len(indexed()) == 10
        check()


def test_it_goes_on_from_an_interruption_unless_told_otherwise(
    alice: User, make_conversation: Make
) -> None:
    for _ in range(5):
        make_conversation(alice, text="pepper")
    filling.begin_again()
    for _ in range(3):
        filling.fill(2)
    before = indexed()
    assert 0 < len(before) < 10
    MessageWords._base_manager.all().delete()
    run()
    assert len(indexed()) == 10 - len(before)
    run("--restart")
    assert len(indexed()) == 10
