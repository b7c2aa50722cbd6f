"""Offers from the environment and the database."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from pytest_django import DjangoAssertNumQueries, Settings

from chat.models import Endpoint, OfferedModel, catalogue, environment_endpoints
from chat.models.reading.catalogue import choose

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(settings: Settings) -> None:
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = settings.EMBEDDED_MODEL_URL = ""
    settings.CHAT_MODEL = []
    settings.ENDPOINTS = {"openai": {}}


def add(slug: str, *names: str, default: str = "", position: int = 0) -> Endpoint:
    endpoint = Endpoint.objects.create(
        slug=slug, label=slug.title(), base_url=f"http://{slug}:1/v1", position=position
    )
    for name in names:
        OfferedModel.objects.create(endpoint=endpoint, name=name, default=name == default)
    return endpoint


def ids(user: User | None = None) -> list[str]:
    return [offer.id for offer in catalogue(user.pk if user else None).offers]


def default() -> str | None:
    found = catalogue().default
    return found.id if found else None


def test_nothing_is_offered_where_nothing_is_set_up() -> None:
    assert (ids(), default()) == ([], None)
    add("empty")
    assert catalogue().endpoints == {}


def test_openai_needs_a_key_alone(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-canary"
    found = environment_endpoints()
    assert [offer.id for offer in found.offers] == ["openai/gpt-5-mini"]
    endpoint = found.endpoints["openai"]
    assert (endpoint.label, endpoint.base_url) == ("OpenAI", "https://api.openai.com/v1")
    assert endpoint.max_tokens_name == "max_completion_tokens"
    assert not endpoint.stored
    assert "canary" not in repr(found)


def test_extras_of_openai_are_taken(settings: Settings) -> None:
    settings.OPENAI_BASE_URL = "http://llama:8080/v1"
    settings.CHAT_MODEL = ["a", "b"]
    settings.ENDPOINTS = {"openai": {"prefix": "plain", "context": 4096}}
    found = environment_endpoints()
    endpoint = found.endpoints["openai"]
    assert (endpoint.label, endpoint.prefix, endpoint.continues_prefix) == ("llama", "plain", True)
    assert (endpoint.max_tokens_name, endpoint.api_key) == ("max_tokens", "")
    assert [offer.context for offer in found.offers] == [4096, 4096]


def test_the_environment_comes_first_and_hides_a_row_of_its_name(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-canary"
    settings.ENDPOINTS = {"groq": {"base_url": "http://groq:1/v1", "models": ["a", "b"]}}
    settings.EMBEDDED_MODEL_URL = "http://127.0.0.1:1/v1"
    add("groq", "hidden")
    add("own", "m")
    assert ids() == [
        "openai/gpt-5-mini", "groq/a", "groq/b", "embedded/smollm2-135m", "own/m",
    ]  # fmt: skip
    assert catalogue().endpoints["groq"].base_url == "http://groq:1/v1"


def test_rows_are_in_their_order() -> None:
    add("b", "y", "x", position=1)
    add("c", "z")
    add("a", "w", position=1)
    OfferedModel.objects.filter(name="y").update(position=0)
    OfferedModel.objects.filter(name="x").update(position=5)
    assert ids() == ["c/z", "a/w", "b/y", "b/x"]


def test_the_chosen_default_goes_before_the_first(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-canary"
    assert default() == "openai/gpt-5-mini"
    own = add("own", "one", "two", default="two")
    assert default() == "own/two"
    own.enabled = False
    own.save()
    assert default() == "openai/gpt-5-mini"


def test_a_default_that_a_user_may_not_use_is_not_theirs(alice: User, bob: User) -> None:
    add("own", "one", "two", default="two")
    group = Group.objects.create(name="testers")
    alice.groups.add(group)
    OfferedModel.objects.get(name="two").groups.add(group)
    found = [catalogue(user.pk).default for user in (alice, bob)]
    assert [offer.id for offer in found if offer] == ["own/two", "own/one"]
    assert ids(bob) == ["own/one"]
    assert choose("own/two", bob.pk) == (None, None)
    assert choose("own/two", alice.pk).endpoint is not None


def test_it_takes_one_query(
    alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for slug in "abcdef":
        add(slug, "x", "y", "z")
    with django_assert_max_num_queries(1):
        assert len(catalogue(alice.pk).offers) == 18


def test_a_chosen_model_of_the_environment_has_what_is_known(
    settings: Settings, alice: User
) -> None:
    settings.OPENAI_API_KEY = "sk-canary"
    settings.CHAT_MODEL = ["gpt-4o", "unknown"]
    offer = choose("openai/gpt-4o", alice.pk).offer
    assert offer is not None
    assert offer.context == 128_000
    assert offer.prices is not None
    settings.ENDPOINTS = {"openai": {"context": 9000}}
    offer = choose("openai/gpt-4o", alice.pk).offer
    assert offer is not None
    assert offer.context == 9000
    unknown = choose("openai/unknown", alice.pk).offer
    assert unknown is not None
    assert unknown.prices is None
    assert choose("openai/gone", alice.pk) == (None, None)


def test_a_stored_model_has_what_staff_set_and_no_more(alice: User) -> None:
    endpoint = Endpoint.objects.create(slug="o", label="O", base_url="https://api.openai.com/v1")
    OfferedModel.objects.create(endpoint=endpoint, name="gpt-4o")
    offer = choose("o/gpt-4o", alice.pk).offer
    assert offer is not None
    assert (offer.context, offer.prices) == (None, None)


def test_an_endpoint_with_an_unreadable_key_stays_beside_the_others() -> None:
    endpoint = add("own", "m")
    Endpoint.objects.filter(pk=endpoint.pk).update(sealed="broken")
    add("other", "n")
    found = catalogue()
    assert found.endpoints["own"].problem
    assert not found.endpoints["other"].problem
    assert len(found.offers) == 2
