"""Models in the admin: which are offered, to whom, at what price."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from chat.models import Endpoint, OfferedModel, catalogue

LIST = "/admin/chat/offeredmodel/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, root: User) -> Client:
    client.force_login(root)
    return client


@pytest.fixture
def openai() -> Endpoint:
    """One whose models have known prices."""
    return Endpoint.objects.create(
        slug="openai", label="OpenAI", base_url="https://api.openai.com/v1"
    )


@pytest.fixture
def own() -> Endpoint:
    return Endpoint.objects.create(slug="own", label="Own", base_url="http://own:1/v1")


def form(endpoint: Endpoint, **changed: str | list[int]) -> dict[str, str | list[int]]:
    """The fields of the form of a model."""
    return {
        "endpoint": str(endpoint.pk),
        "name": "gpt-4o",
        "label": "",
        "note": "",
        "enabled": "on",
        "context": "",
        "input_price": "",
        "output_price": "",
        "cached_price": "",
        "position": "0",
        "_save": "Save",
    } | changed


def page(row: OfferedModel) -> str:
    return f"{LIST}{row.pk}/change/"


def told(client: Client) -> list[str]:
    return [f"{m.level_tag}: {m.message}" for m in client.get(LIST).context["messages"]]


def act(client: Client, action: str, *rows: OfferedModel) -> list[str]:
    client.post(LIST, {"action": action, "_selected_action": [row.pk for row in rows]})
    return told(client)


def test_what_is_known_is_filled_in_when_a_model_is_added(staff: Client, openai: Endpoint) -> None:
    staff.post(f"{LIST}add/", form(openai))
    row = OfferedModel.objects.get()
    assert (row.context, row.input_price) == (128_000, Decimal("2.5"))
    assert "Filled in publicly known values: context 128000 tokens, prices 2.5 input" in (
        " ".join(told(staff))
    )
    staff.post(page(row), form(openai, context=""))
    row.refresh_from_db()
    assert row.context is None, "a change fills in nothing"


def test_what_staff_enter_stays(staff: Client, openai: Endpoint) -> None:
    staff.post(f"{LIST}add/", form(openai, context="1000", input_price="1", output_price="0"))
    row = OfferedModel.objects.get()
    assert (row.context, row.input_price, row.output_price) == (
        1000, Decimal(1), Decimal(0),
    )  # fmt: skip
    assert row.cached_price is None
    assert not any("Filled in" in text for text in told(staff))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\u202eb"),
        ("context", "255"),
        ("cached_price", "-1"),
        ("input_price", "1"),
        ("position", "-1"),
    ],
)
def test_wrong_values_are_refused(staff: Client, own: Endpoint, field: str, value: str) -> None:
    answer = staff.post(f"{LIST}add/", form(own, **{field: value}))
    wrong = "output_price" if (field, value) == ("input_price", "1") else field
    assert list(answer.context["adminform"].form.errors) == [wrong]
    assert not OfferedModel.objects.exists()


def test_a_model_is_there_once_per_endpoint(staff: Client, own: Endpoint, openai: Endpoint) -> None:
    OfferedModel.objects.create(endpoint=own, name="gpt-4o")
    assert staff.post(f"{LIST}add/", form(own)).status_code == 200
    assert staff.post(f"{LIST}add/", form(openai)).status_code == 302


def test_only_one_model_is_the_default(staff: Client, own: Endpoint) -> None:
    first = OfferedModel.objects.create(endpoint=own, name="one", default=True)
    staff.post(f"{LIST}add/", form(own, name="two", is_default="on"))
    second = OfferedModel.objects.get(name="two")
    assert list(OfferedModel.objects.filter(default=True)) == [second]
    staff.post(page(first), form(own, is_default="on"))
    assert list(OfferedModel.objects.filter(default=True)) == [first]
    assert staff.get(page(first)).context["adminform"].form["is_default"].value() is True
    staff.post(page(first), form(own))
    assert not OfferedModel.objects.filter(default=True).exists()
    refused = form(own, is_default="on")
    del refused["enabled"]
    assert "cannot be the default" in staff.post(page(first), refused).text


def test_the_default_is_chosen_by_an_action(staff: Client, own: Endpoint) -> None:
    first = OfferedModel.objects.create(endpoint=own, name="one", default=True)
    second = OfferedModel.objects.create(endpoint=own, name="two")
    off = OfferedModel.objects.create(endpoint=own, name="off", enabled=False)
    assert act(staff, "make_default", first, second) == ["error: Select exactly one model."]
    assert act(staff, "make_default", off)[0].startswith("error: “off” is not offered")
    assert list(OfferedModel.objects.filter(default=True)) == [first]
    assert act(staff, "make_default", second) == ["success: New conversations use “two”."]
    assert list(OfferedModel.objects.filter(default=True)) == [second]
    found = catalogue().default
    assert found is not None
    assert found.id == "own/two"


def test_models_are_offered_and_taken_back(staff: Client, own: Endpoint) -> None:
    rows = [OfferedModel.objects.create(endpoint=own, name=name) for name in "ab"]
    assert act(staff, "withdraw", *rows) == ["success: 2 models: no longer offered."]
    assert not OfferedModel.objects.filter(enabled=True).exists()
    assert act(staff, "offer", rows[0]) == ["success: 1 model: offered."]
    assert act(staff, "offer", *rows) == ["success: 1 model: offered."]
    assert LogEntry.objects.count() == 4


def test_known_facts_are_filled_in_later(staff: Client, own: Endpoint, openai: Endpoint) -> None:
    known = OfferedModel.objects.create(endpoint=openai, name="gpt-4o", context=5000)
    unknown = OfferedModel.objects.create(endpoint=own, name="gpt-4o")
    assert act(staff, "fill_in", known, unknown)[0].startswith("success: Filled in 1 of 2 models.")
    known.refresh_from_db()
    unknown.refresh_from_db()
    assert (known.context, known.input_price) == (5000, Decimal("2.5"))
    assert unknown.input_price is None


def test_groups_say_who_may_use_it(staff: Client, own: Endpoint, alice: User, bob: User) -> None:
    testers = Group.objects.create(name="testers")
    alice.groups.add(testers)
    staff.post(f"{LIST}add/", form(own, groups=[testers.pk]))
    assert "None chosen: everybody" in staff.get(f"{LIST}add/").text
    assert "<bdi>testers</bdi></td>" in staff.get(LIST).text
    assert [offer.id for offer in catalogue(alice.pk).offers] == ["own/gpt-4o"]
    assert catalogue(bob.pk).offers == ()


def test_endpoint_and_name_stay(staff: Client, own: Endpoint, openai: Endpoint) -> None:
    row = OfferedModel.objects.create(endpoint=own, name="m")
    staff.post(page(row), form(openai, name="other", label="Label"))
    row.refresh_from_db()
    assert (row.endpoint, row.name, row.label) == (own, "m", "Label")


def test_switch_and_order_are_changed_in_the_list(staff: Client, own: Endpoint) -> None:
    row = OfferedModel.objects.create(endpoint=own, name="m", default=True, context=900)
    sent = {
        "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(row.pk),
        "form-0-position": "3", "form-0-enabled": "on", "_save": "Save",
    }  # fmt: skip
    assert staff.post(LIST, sent).status_code == 302
    row.refresh_from_db()
    assert (row.position, row.enabled, row.default, row.context) == (3, True, True, 900)


@pytest.mark.parametrize("query", ["", "?q=m1", "?enabled__exact=1", "?endpoint__id__exact={pk}"])
def test_300_models_take_few_queries(
    staff: Client,
    own: Endpoint,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    query: str,
) -> None:
    groups = [Group.objects.create(name=f"group{n}") for n in range(5)]
    for number in range(300):
        row = OfferedModel.objects.create(endpoint=own, name=f"m{number}")
        row.groups.set(groups[: number % 3])
    with django_assert_max_num_queries(14):
        answer = staff.get(LIST + query.replace("{pk}", str(own.pk)))
    assert len(answer.context["cl"].result_list) == 100
