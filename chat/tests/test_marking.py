"""Characters that turn or hide text, in the admin's lists and headings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from django.conf import settings as project
from django.contrib.auth.models import User
from django.test import Client

from chat.marking import isolated, marked_text
from chat.models import Conversation, Endpoint, OfferedModel, Token

CASES = json.loads((Path(__file__).resolve().parents[2] / "frontend/tests/unseen.json").read_text())
HOSTILE = "Pay \u202ereverse\u2066 \U000e0068\U000e0069<b>"


def test_what_turns_or_hides_text_is_named_as_in_the_page() -> None:
    for text, shown in CASES:
        assert marked_text(text) == shown
        marks = re.sub('<span class="unseen">(.*?)</span>', r"[\1]", isolated(text))
        assert marks == f"<bdi>{shown}</bdi>"


def test_html_stays_text_in_what_is_isolated() -> None:
    assert isolated("a & b") == "<bdi>a &amp; b</bdi>"
    assert isolated("<b>\u202e") == '<bdi>&lt;b&gt;<span class="unseen">RLO</span></bdi>'


def test_lists_and_headings_of_the_admin_are_marked(
    client: Client, root: User, make_conversation: Callable[..., Conversation]
) -> None:
    conversation = make_conversation(root, HOSTILE)
    endpoint = Endpoint.objects.create(slug="own", label=HOSTILE, base_url="http://own:1/v1")
    OfferedModel.objects.create(endpoint=endpoint, name="m", label=HOSTILE, note=HOSTILE)
    token, _ = Token.objects.make(root, HOSTILE, ["read"], None)
    client.force_login(root)
    for path in ("conversation/", "offeredmodel/", "token/", "endpoint/"):
        text = client.get(f"/admin/chat/{path}").text
        cells = text.partition('id="result_list"')[2].partition("</table>")[0]
        assert '<bdi>Pay <span class="unseen">RLO</span>' in cells, path
        assert "&lt;b&gt;" in cells, path
    text = client.get(f"/admin/chat/conversation/{conversation.pk}/change/").text
    assert "<h1><bdi>Pay" in text
    assert "\u202e" not in text.partition("<script id")[0]
    for path in (f"token/{token.pk}/change/", f"endpoint/{endpoint.pk}/change/"):
        assert "<h2><bdi>Pay" in client.get(f"/admin/chat/{path}").text, path


def test_templates_isolate_each_value_of_a_sentence() -> None:
    """The admin's pages are marked as a whole, when they are finished."""
    known = {"isolated", "quoted", "moment", "day", "join", "safe"}
    for path in Path(project.BASE_DIR, "templates").rglob("*.html"):
        if "admin" in path.parts:
            continue
        for sentence in re.findall(r"{% blocktranslate (.*?) %}", path.read_text()):
            for value in re.findall(r"\w+=('[^']*'\S*|\S+)", sentence):
                assert value.rpartition("|")[2].partition(":")[0] in known, (path.name, value)
