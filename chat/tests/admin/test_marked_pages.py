"""Every page of the admin, with hostile text in every field of every row: all of it is marked.

The pages are found by following links and sending forms, so that a new one is looked at, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urldefrag, urljoin, urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, resolve, reverse
from pytest_django import Settings

from chat.admin.marked_pages import marked_page
from chat.marking import HIDDEN, marked_text
from chat.models import Conversation, Endpoint, OfferedModel, Token

RIGHT_TO_LEFT = "\u05d0\u05d1"
CANARY = f"z\u202e\U000e0068\U000e0069”<'{RIGHT_TO_LEFT}"
CODES = {"password", "digest", "sealed", "object_id", "slug", "max_tokens_name", "key_header"}
"""Fields that nobody types text into, and that are looked up by their value."""

ELSEWHERE = {"login", "logout", "password_change", "password_change_done"}
"""Addresses that lead to pages of accounts, or are said in no page."""
NO_PAGE = {"autocomplete", "jsi18n", "view_on_site", "chat_conversation_data"}
"""Nothing in the admin asks for the first; the last is marked by the script that asks for it."""


class Page(HTMLParser):
    """A page as a browser has it: what of the text is not marked, where it leads, its forms."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.marked = 0
        self.noted = 0
        self.links: set[str] = set()
        self.actions: set[str] = set()
        self.fields: list[tuple[str, str]] = []
        self.names: set[str] = set()
        self._open: list[str] = []
        self._wants_note = ""
        self._select = ""
        self._text_of = ""
        self.feed(html)
        self.close()
        if self._wants_note:
            self.wrong.append(f"no note beside {self._wants_note}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if self._wants_note:
            if known.get("class") == "unseen-note":
                self.noted += 1
            else:
                self.wrong.append(f"no note beside {self._wants_note}")
            self._wants_note = ""
        if tag not in {"input", "img", "br", "link", "meta", "path", "hr"}:
            self._open.append(tag)
        if "unseen" in known.get("class", "").split():
            self.marked += 1
        self._attributes(tag, known)
        self._control(tag, known)
        if tag == "a" and known.get("href"):
            self.links.add(known["href"])
        if tag == "form" and known.get("method") == "post" and known.get("action"):
            self.actions.add(known["action"])

    def _attributes(self, tag: str, known: dict[str, str]) -> None:
        for name, value in known.items():
            if name == "value" and tag in {"input", "option", "button"}:
                if known.get("type") in {"text", "email", "url", "search", None} and tag == "input":
                    self._wants_note = value if HIDDEN.search(value) else ""
            elif not plainly_marked(value):
                self.wrong.append(f"{tag} {name}={value!r}")

    def _control(self, tag: str, known: dict[str, str]) -> None:
        name = known.get("name", "")
        self.names |= {name} - {""}
        kind = known.get("type", "text")
        if tag == "input" and name and kind not in {"submit", "button", "file"}:
            if kind not in {"checkbox", "radio"} or "checked" in known:
                self.fields.append((name, known.get("value", "on")))
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in known and self._select:
            self.fields.append((self._select, known.get("value", "")))
        elif tag == "textarea":
            self._text_of = name

    def handle_endtag(self, tag: str) -> None:
        while self._open and tag in self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "script" in self._open or "style" in self._open:
            return
        if "textarea" in self._open:
            self.fields.append((self._text_of, data))
            self._wants_note = data if HIDDEN.search(data) else ""
        elif {"title", "option"} & set(self._open):
            if not plainly_marked(data):
                self.wrong.append(f"{self._open[-1]}: {data!r}")
        elif HIDDEN.search(data) or (RIGHT_TO_LEFT in data and "bdi" not in self._open):
            self.wrong.append(f"{self._open[-1:]}: {data!r}")


def plainly_marked(text: str) -> bool:
    """True if text without elements shows what is hidden, and isolates what turns."""
    for part in text.split("·"):
        inner = part.strip()
        if inner.startswith("\u2068") and inner.endswith("\u2069"):
            inner = inner[1:-1]
        elif RIGHT_TO_LEFT in inner:
            return False
        if HIDDEN.search(inner):
            return False
    return True


# --- the rows ----------------------------------------------------------------------------------


def texts(model: type[models.Model], number: int) -> dict[str, str]:
    """Hostile text for each field of the model that can hold some."""
    found = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.CharField | models.TextField):
            if field.choices or field.name in CODES:
                continue
            assert field.max_length is None or len(CANARY) < field.max_length - 2, field
            start = "http://127.0.0.1:9/" if isinstance(field, models.URLField) else ""
            found[field.name] = f"{start}{CANARY}{number}"
    return found


@pytest.fixture
def hostile(settings: Settings, make_conversation: Callable[..., Conversation]) -> User:
    """A superuser, and rows of every kind, all with hostile text wherever there is text."""
    settings.ENCRYPTION_KEY = "the key of the tests"
    settings.ENDPOINTS = {
        "named": {"base_url": "http://127.0.0.1:9/v1", "label": CANARY, "models": [CANARY, "m"]}
    }
    rows: list[Any] = []
    users = []
    for number in range(2):
        staff = {"is_staff": True, "is_superuser": True} if number == 0 else {}
        user = User.objects.create(password="x", **texts(User, number), **staff)
        EmailAddress.objects.create(user=user, email=user.email, primary=True)
        group = Group.objects.create(**texts(Group, number))
        user.groups.add(group)
        endpoint = Endpoint.objects.create(slug=f"own-{number}", **texts(Endpoint, number))
        endpoint.base_url = "http://127.0.0.1:9/v1"
        endpoint.save()
        model = OfferedModel.objects.create(
            endpoint=endpoint, default=number == 0, **texts(OfferedModel, number)
        )
        model.groups.add(group)
        token, _ = Token.objects.make(user, f"{CANARY}{number}", ["read"], None)
        Token.objects.filter(pk=token.pk).update(hint=CANARY)
        users.append(user)
        rows += [user, group, endpoint, model, token]
    conversation = make_conversation(users[0], CANARY, text=CANARY)  # the other can be deleted
    Conversation.objects.filter(pk=conversation.pk).update(model=CANARY)
    rows.append(conversation)
    assert {type(row) for row in rows} == set(admin.site._registry)
    for row in rows:
        LogEntry.objects.create(
            user=users[0], content_type=ContentType.objects.get_for_model(row), object_id=row.pk,
            object_repr=f"{CANARY} {row}"[:200], action_flag=CHANGE, change_message=CANARY,
        )  # fmt: skip
    return users[0]


# --- the pages ---------------------------------------------------------------------------------


class Walk:
    """Everything in the admin that can be reached, looked at."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.seen: Counter[str] = Counter()
        self.marked: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._posted: set[str] = set()

    def look(self, answer: Any, where: str) -> Page | None:
        while answer.status_code in {301, 302, 303}:
            where = urljoin(where, answer["Location"])
            answer = self._client.get(where)
        if not answer.get("Content-Type", "").startswith("text/html"):
            return None
        match = answer.wsgi_request.resolver_match
        name = match.url_name if match is not None and match.namespace == "admin" else ""
        page = Page(answer.text)
        self.seen[name] += 1
        self.marked[name] += page.marked
        self.wrong += [f"{where}: {one}" for one in page.wrong]
        return page

    def everything(self) -> None:
        todo, done, alike = ["/admin/"], set(), Counter[Any]()
        while todo:
            path = todo.pop(0)
            kind = kind_of(path)
            if path in done or alike[kind] == 2:
                continue
            done.add(path)
            alike[kind] += 1
            page = self.look(self._client.get(path), path)
            if page is None:
                continue
            for link in page.links:
                target = urldefrag(urljoin(path, link))[0]
                if urlsplit(target).path.startswith("/admin/") and not urlsplit(target).netloc:
                    todo.append(target)
            if "_changelist_filters" in path:
                continue  # the page that comes with or without a list to go back to
            if alike[kind] == 1 or path.endswith("/delete/"):
                with transaction.atomic():
                    self.forms(path, page)
                    transaction.set_rollback(True)

    def forms(self, path: str, page: Page) -> None:
        """Send each form of the page as it stands, and its list's every action."""
        for action in page.actions:
            target = urljoin(path, action)
            if target.startswith("/admin/") and self._is_new(target):
                self.look(self._client.post(target), target)
        tail = urlsplit(path).path
        data: dict[str, list[str]] = {}
        for name, value in page.fields:
            data.setdefault(name, []).append(value)
        if tail.endswith(("/add/", "/change/", "/delete/", "/password/")):
            for pressed in ({"_save": "x"}, {"_continue": "x"}, {"_save": "x", "_popup": "1"}):
                with transaction.atomic():
                    sent = {**data, **pressed}
                    self.look(self._client.post(path, sent), f"POST {path}")
                    transaction.set_rollback(True)
        elif "_selected_action" in page.names and not urlsplit(path).query:
            self.actions(path)

    def actions(self, path: str) -> None:
        answer = self._client.get(path)
        model = answer.context["cl"].model
        keys = [str(key) for key in model._default_manager.values_list("pk", flat=True)]
        site = admin.site._registry[model]
        for name in site.get_actions(answer.wsgi_request):
            for chosen in (keys, keys[:1]):
                with transaction.atomic():
                    sent = {"action": name, "_selected_action": chosen}
                    self.look(self._client.post(path, sent), f"{name} {path}")
                    transaction.set_rollback(True)
        search = self._client.get(path, {"q": CANARY})
        self.look(search, f"search {path}")

    def _is_new(self, target: str) -> bool:
        new = target not in self._posted
        self._posted.add(target)
        return new


def kind_of(path: str) -> tuple[str, frozenset[str]]:
    """Pages of a kind, of which a few are looked at: one address, with parameters of one name.

    Lists by several filters at once are one kind, whichever these are.
    """
    parts = urlsplit(path)
    found = resolve(parts.path)
    names = frozenset(parse_qs(parts.query)) - {"o"}
    filters = {name for name in names if not name.startswith("_")}
    if len(filters) > 1:
        names = names - filters | {"several filters"}
    return found.url_name or found.route, names


def addresses(patterns: list[Any]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name


def test_no_page_of_the_admin_shows_hidden_or_turning_text_bare(
    client: Client, hostile: User
) -> None:
    client.force_login(hostile)
    walk = Walk(client)
    walk.everything()
    assert walk.wrong == []
    only_posted = {name for name in addresses(admin.site.get_urls()) if "_test" in name}
    only_posted |= {"chat_endpoint_fetch"}
    pages = set(addresses(admin.site.get_urls())) - ELSEWHERE - NO_PAGE - only_posted
    for name in pages - walk.seen.keys():
        key = [] if name.endswith(("_add", "_changelist")) else [1]
        assert client.get(reverse(f"admin:{name}", args=key)).status_code == 403, name
    adding = {name for name in pages if name.endswith("_add")}
    assert all(walk.marked[name] for name in walk.seen.keys() & pages - adding), walk.marked
    assert walk.marked.keys() >= {"index", "chat_endpoint_change", "auth_user_delete"}
    assert not any(one.autocomplete_fields for one in admin.site._registry.values())


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>plain &amp; “x”</p>", "<p>plain &amp; “x”</p>"),
        ("<p>a\u202e</p>", '<p><bdi>a<span class="unseen">RLO</span></bdi></p>'),
        ("<p>Delete “a”\u05d0”? 3</p>", "<p>Delete “<bdi>a”\u05d0</bdi>”? 3</p>"),
        ("<p>\u05d0 “a”</p>", '<p><bdi dir="ltr">\u05d0 “a”</bdi></p>'),
        ("<td>\u05d0 (Alice)</td>", "<td><bdi>\u05d0</bdi> (<bdi>Alice</bdi>)</td>"),
        ("<title>\u05d0 · Parley</title>", "<title>\u2068\u05d0\u2069· Parley</title>"),
        ("<option>\u202e</option>", "<option>[RLO]</option>"),
        ('<a href="?q=\u202e" title="\u202e">', '<a href="?q=%E2%80%AE" title="[RLO]">'),
        ("<script>'\u202e'</script>", "<script>'\u202e'</script>"),
        ("<bdi>\u05d0\u202e</bdi>", '<bdi>\u05d0<span class="unseen">RLO</span></bdi>'),
        ('<input type="hidden" value="\u202e">', '<input type="hidden" value="\u202e">'),
    ],
)
def test_each_place_of_a_page_is_marked_in_its_way(html: str, expected: str) -> None:
    assert marked_page(html) == expected


@pytest.mark.parametrize(
    "field",
    [
        '<input value="type=hidden a\u202e">',
        "<input type='text' value='type=hidden a\u202e'>",
        "<textarea>type=hidden a\u202e</textarea>",
    ],
)
def test_a_field_keeps_what_it_holds_and_a_note_shows_it(field: str) -> None:
    page = marked_page(field)
    assert page.startswith(field)
    assert 'type=hidden a<span class="unseen">RLO</span>' in page


def test_what_tags_spell_is_escaped() -> None:
    spelt = "".join(chr(0xE0000 + ord(letter)) for letter in '<b a="')
    assert marked_text(spelt) == '[tags: <b a="]'
    assert "tags: &lt;b a=&quot;" in marked_page(f"<p>{spelt}</p>")
    assert '<i title="[tags: &lt;b a=&quot;]">' in marked_page(f'<i title="{spelt}">')


@pytest.mark.parametrize("piece", ["“", "\u05d0 ", " \u202e", "·", "<a b=\u05d0 "])
def test_a_long_hostile_page_takes_a_step_a_character(piece: str) -> None:
    """Doubling the text doubles the output: nothing nests, and nothing is tried from each place."""
    lengths = [len(marked_page(f"<p>{piece * count}\u202e</p>")) for count in (20_000, 40_000)]
    assert lengths[1] < lengths[0] * 2.01
