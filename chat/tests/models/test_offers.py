"""Models on offer: found, chosen as the default, kept to groups."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError
from pytest_django import DjangoAssertNumQueries

from chat.models import Endpoint, FoundModels, OfferedModel, Prices
from chat.models.offers import MANY

pytestmark = pytest.mark.django_db


@pytest.fixture
def own() -> Endpoint:
    return Endpoint.objects.create(slug="own", label="Own", base_url="http://own:1/v1")


def on(endpoint: Endpoint) -> set[str]:
    return set(endpoint.models.filter(enabled=True).values_list("name", flat=True))


def test_found_models_are_added_once_and_known_ones_stay(own: Endpoint) -> None:
    kept = OfferedModel.objects.create(endpoint=own, name="a", label="Mine", enabled=False)
    assert OfferedModel.objects.add_found(own, ["a", "b", "b"]) == FoundModels(1, 1, 1)
    assert OfferedModel.objects.add_found(own, ["a", "b"]) == FoundModels(0, 2, 0)
    kept.refresh_from_db()
    assert (kept.label, kept.enabled) == ("Mine", False)


def test_a_few_are_offered_at_once_and_many_are_not(own: Endpoint) -> None:
    assert OfferedModel.objects.add_found(own, [f"m{n}" for n in range(MANY)]).on == MANY
    other = Endpoint.objects.create(slug="other", label="x", base_url="http://x:1/v1")
    assert OfferedModel.objects.add_found(other, [f"m{n}" for n in range(MANY + 1)]).on == 0


@pytest.mark.parametrize(
    "name",
    ["text-embedding-3-large", "whisper-1", "tts-1-hd", "dall-e-3", "gpt-image-1", "babbage-002",
     "omni-moderation-latest", "gpt-4o-realtime-preview", "llama-guard-4", "bge-m3", "mistral-ocr"],
)  # fmt: skip
def test_models_for_other_things_come_switched_off(own: Endpoint, name: str) -> None:
    OfferedModel.objects.add_found(own, [name, "gpt-4o", "llama3.2:1b"])
    assert on(own) == {"gpt-4o", "llama3.2:1b"}


def test_what_is_known_comes_along() -> None:
    endpoint = Endpoint.objects.create(
        slug="openai", label="OpenAI", base_url="https://api.openai.com/v1"
    )
    OfferedModel.objects.add_found(endpoint, ["gpt-4o"])
    offer = OfferedModel.objects.get().offer()
    assert offer.id == "openai/gpt-4o"
    assert offer.context == 128_000
    assert offer.prices == Prices(Decimal("2.5"), Decimal(10), Decimal("1.25"))


def test_names_that_do_not_fit_are_left_out(own: Endpoint) -> None:
    found = OfferedModel.objects.add_found(own, ["m" * 151, "n" * 150])
    assert found == FoundModels(1, 0, 1)
    assert len(OfferedModel.objects.get().offer().id) < 200


def test_300_models_are_added_in_few_queries(
    own: Endpoint, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(10):
        OfferedModel.objects.add_found(own, [f"m{n}" for n in range(300)])


def test_one_model_is_the_default(own: Endpoint) -> None:
    one, two = (OfferedModel.objects.create(endpoint=own, name=name) for name in "ab")
    one.make_default()
    two.make_default()
    two.make_default()
    assert list(OfferedModel.objects.filter(default=True)) == [two]
    with pytest.raises(IntegrityError):
        OfferedModel.objects.filter(pk=one.pk).update(default=True)


def test_a_model_is_for_everybody_or_for_its_groups(own: Endpoint, alice: User, bob: User) -> None:
    one, two = (Group.objects.create(name=name) for name in ("one", "two"))
    alice.groups.set([one, two])
    OfferedModel.objects.create(endpoint=own, name="open")
    both = OfferedModel.objects.create(endpoint=own, name="both")
    both.groups.set([one, two])
    OfferedModel.objects.create(endpoint=own, name="off", enabled=False)

    def names(user_id: int | None) -> list[str]:
        return [row.name for row in OfferedModel.objects.usable(user_id)]

    assert names(alice.pk) == ["both", "open"], "each once, whatever the groups"
    assert names(bob.pk) == ["open"]
    assert names(None) == ["both", "open"]
    Endpoint.objects.update(enabled=False)
    assert names(alice.pk) == []


def test_proposals_keep_what_staff_set() -> None:
    endpoint = Endpoint(base_url="https://api.openai.com/v1")
    row = OfferedModel(endpoint=endpoint, name="gpt-4o", input_price=Decimal(0))
    assert row.propose()
    assert (row.context, row.input_price, row.output_price) == (128_000, Decimal(0), None)
    assert not row.propose()


def test_a_cost_needs_both_prices(own: Endpoint) -> None:
    row = OfferedModel(endpoint=own, name="m", input_price=Decimal(1))
    assert row.offer().prices is None
    row.output_price = Decimal(0)
    assert row.offer().prices == Prices(Decimal(1), Decimal(0))
