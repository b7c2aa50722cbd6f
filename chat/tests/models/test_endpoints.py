"""A stored endpoint: its secrets are bound to its address."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from chat.models import Dropped, Endpoint, Unreadable
from chat.models.endpoints import chosen_options

KEY = "sk-canary-7f3a9c1e5b2d"
ADDRESS = "https://api.example/v1"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _encryption(settings: Settings) -> None:
    settings.ENCRYPTION_KEY = "the key of the tests"


@pytest.fixture
def row() -> Endpoint:
    row = Endpoint(slug="own", label="Own")
    row.change_secrets(base_url=ADDRESS, key=KEY, headers={"X-A": "1", "X-B": "2"})
    row.save()
    return row


def secrets(row: Endpoint) -> tuple[str, dict[str, str]]:
    return row.config().api_key, dict(row.config().headers)


def test_secrets_are_neither_stored_nor_shown_plainly(row: Endpoint) -> None:
    shown = f"{row!r} {row} {row.config()!r} {vars(row)}"
    assert KEY not in shown
    assert row.has_key
    assert secrets(row) == (KEY, {"X-A": "1", "X-B": "2"})


def test_nothing_changes_where_nothing_is_given(row: Endpoint) -> None:
    before = row.sealed
    assert row.change_secrets(base_url=ADDRESS) == Dropped()
    assert row.change_secrets(base_url=ADDRESS, headers={"X-A": None, "X-B": None}) == Dropped()
    assert row.sealed == before


def test_headers_are_kept_replaced_added_and_removed(row: Endpoint) -> None:
    row.change_secrets(base_url=ADDRESS, headers={"X-A": None, "X-C": "3"})
    assert secrets(row) == (KEY, {"X-A": "1", "X-C": "3"})
    row.change_secrets(base_url=ADDRESS, headers={"X-A": "9", "X-C": None})
    assert secrets(row) == (KEY, {"X-A": "9", "X-C": "3"})
    row.change_secrets(base_url=ADDRESS, headers={})
    assert secrets(row) == (KEY, {})
    assert row.header_names == []


def test_an_empty_key_removes_it(row: Endpoint) -> None:
    assert row.change_secrets(base_url=ADDRESS, key="") == Dropped()
    assert secrets(row) == ("", {"X-A": "1", "X-B": "2"})
    assert (row.has_key, row.key_state()) == (False, "none")
    row.change_secrets(base_url=ADDRESS, headers={})
    assert row.sealed == ""


def test_another_address_drops_what_is_not_given_anew(row: Endpoint) -> None:
    dropped = row.change_secrets(base_url="https://evil.example/v1", headers={"X-A": "new"})
    assert dropped == Dropped(key=True)
    assert secrets(row) == ("", {"X-A": "new"})
    assert row.change_secrets(base_url=ADDRESS) == Dropped(headers=("X-A",))
    assert row.sealed == ""


def test_what_was_sealed_for_another_address_is_not_read(row: Endpoint) -> None:
    """Somebody who can write to the table cannot send the key elsewhere."""
    Endpoint.objects.update(base_url="https://evil.example/v1")
    row.refresh_from_db()
    assert secrets(row) == ("", {})
    assert "another address" in row.problem()


def test_an_unreadable_key_is_a_problem_and_comes_back(row: Endpoint, settings: Settings) -> None:
    settings.ENCRYPTION_KEY = "another one"
    assert "another ENCRYPTION_KEY" in row.problem()
    assert row.key_state().startswith("cannot be read: ")
    assert row.change_secrets(base_url=ADDRESS) == Dropped()
    settings.ENCRYPTION_KEY = "another one, the key of the tests"
    assert row.problem() == ""
    assert secrets(row)[0] == KEY


def test_a_new_key_replaces_one_that_nobody_can_read(row: Endpoint, settings: Settings) -> None:
    settings.ENCRYPTION_KEY = "another one"
    assert row.change_secrets(base_url=ADDRESS, key="new") == Dropped(headers=("X-A", "X-B"))
    assert secrets(row) == ("new", {})


def test_without_encryption_key_no_secret_is_taken(row: Endpoint, settings: Settings) -> None:
    settings.ENCRYPTION_KEY = ""
    with pytest.raises(Unreadable, match="no ENCRYPTION_KEY"):
        row.change_secrets(base_url=ADDRESS, key="new")
    row.change_secrets(base_url=ADDRESS, key="", headers={})
    assert row.sealed == ""


def test_time_outs_fall_back_to_the_settings(row: Endpoint, settings: Settings) -> None:
    settings.IDLE_TIMEOUT = 33.0
    row.connect_timeout = 2.5
    found = row.config()
    assert (found.connect_timeout, found.idle_timeout) == (2.5, 33.0)
    assert "connect time-out: 2.5 s" in chosen_options(found)
    assert "headers: X-A, X-B" in chosen_options(found)


@pytest.mark.parametrize("slug", ["", "A", "a_b", "-a", "a-", "a/b", "a\n", "a" * 41])
def test_names_that_break_ids_are_refused(slug: str) -> None:
    with pytest.raises(ValidationError):
        Endpoint(slug=slug, label="x", base_url=ADDRESS).full_clean()


@pytest.mark.parametrize(
    "path", ["", "a", "/a?b", "/a b", "/{model}/{model}", "/{other}", "/a\n", "/" + "a" * 200]
)
def test_paths_that_are_none_are_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        Endpoint(slug="a", label="x", base_url=ADDRESS, path=path).full_clean()
