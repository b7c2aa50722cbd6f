"""Sentences that remember their wording."""

from __future__ import annotations

import pickle
from copy import deepcopy

import pytest

from chat.sentence import Sentence, counted


def test_is_its_english_text() -> None:
    said = Sentence("At most {count} characters.", count=5)
    assert said == "At most 5 characters."
    assert (said.wording, said.values) == ("At most {count} characters.", {"count": 5})


def test_braces_stay_where_nothing_is_filled_in() -> None:
    assert Sentence("As in {model}/chat.") == "As in {model}/chat."


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        Sentence("{one} {other}", one=1)


@pytest.mark.parametrize(("count", "said"), [(0, "0 models"), (1, "1 model"), (2, "2 models")])
def test_a_count_chooses_the_form(count: int, said: str) -> None:
    assert counted("{count} model", "{count} models", count) == said


def test_copies_keep_the_wording() -> None:
    said = counted("{count} model", "{count} models", 2)
    for copy in (deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert (copy, copy.wording, copy.plural) == (said, said.wording, said.plural)
