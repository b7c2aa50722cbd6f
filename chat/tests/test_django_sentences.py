"""English sentences that Django and allauth would leave on pages in another language."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.utils.translation import trans_real

from chat.models import Endpoint

OURS = ("/check/", "/nothing", "/admin/", "/admin/password_change/")
ACCOUNT = (
    "logout/", "preferences/", "tokens/", "tokens/new/", "2fa/", "sessions/", "password/change/",
    "reauthenticate/",
)  # fmt: skip
STRANGERS = ("/accounts/login/", "/accounts/signup/")
SAME = {
    *("Deutsch", "Magyar", "简体中文"),  # each language has its own name
    *("api-key (Azure)", "max_completion_tokens (OpenAI, Azure)"),  # words of the wire
}


class Left:
    """The last catalogue to be asked: notes what none has."""

    def __init__(self) -> None:
        self.said: set[str] = set()

    def gettext(self, text: str) -> str:
        self.said.add(text)
        return text

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)

    def pgettext(self, context: str, text: str) -> str:
        return self.gettext(text)

    def npgettext(self, context: str, one: str, many: str, count: int) -> str:
        return self.ngettext(one, many, count)


@pytest.fixture(params=["de", "hu", "zh-hans"])
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def left(code: str) -> Iterator[Left]:
    catalogue, noting = trans_real.translation(code), Left()
    before = catalogue._fallback  # type: ignore[attr-defined]
    catalogue._fallback = noting  # type: ignore[attr-defined]
    yield noting
    catalogue._fallback = before  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_no_page_has_an_english_sentence(code: str, left: Left) -> None:
    root = User.objects.create_superuser("root", "root@chat.example", "a long word of hers")
    User.objects.create_user("bob")
    Endpoint.objects.create(slug="own", label="Own", base_url="https://own.example/v1")
    client = Client(headers={"Accept-Language": code})
    for path in STRANGERS:
        assert client.get(path).status_code == 200, path
        assert client.post(path, {}).status_code in {200, 403}, path
    client.force_login(root)
    paths = [*OURS, *(f"/accounts/{path}" for path in ACCOUNT)]
    for model in admin.site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        paths += [base, f"{base}?q=x", f"{base}add/"]
        if row := model._default_manager.first():
            pages = ("change", "delete", "history")
            paths += [f"{base}{row.pk}/{page}/" for page in pages]
    paths.append(f"/admin/auth/user/{root.pk}/password/")
    for path in paths:
        answer = client.get(path)
        if answer.status_code == 200 and path.endswith(("add/", "new/", "change/", "password/")):
            client.post(path, {})
    chosen = {"action": "delete_selected", "_selected_action": [str(root.pk)]}
    client.post("/admin/auth/user/", chosen)
    assert left.said - SAME == set()
