"""Marks characters that turn or hide text in every page of the admin, Django's own included.

It works on the finished HTML, so that no page, message, title or option can be forgotten. All
languages of the admin go from left to right: text from right to left in it comes from a person.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils.html import escape
from django.utils.translation import gettext

from chat.marking import HIDDEN, marked, marked_text

RTL = re.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
"""Letters from right to left, Arabic digits, and marks that count as such."""
TURNING = re.compile(f"{HIDDEN.pattern}|{RTL.pattern}")

TOKENS = re.compile(
    r"<!--.*?-->"
    r"|<(?P<kept>script|style|textarea|title)\b(?:\"[^\"]*\"|'[^']*'|[^'\">])*>"
    r"(?P<inside>.*?)</(?P=kept)\s*>"
    r"|<[a-z/!?](?:\"[^\"]*\"|'[^']*'|[^'\">])*>|[^<]+|<",
    re.DOTALL | re.IGNORECASE,
)
ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(\s*=\s*)("[^"]*"|'[^']*')""")
NAMES = re.compile(r"(\S+) \((.+)\)")
"""A user name and a full name, as a cell of Django's histories has them."""
ADDRESSES = {"href", "src", "action", "formaction"}
WITHOUT_TEXT = {"hidden", "checkbox", "radio", "submit", "button", "image", "reset"}
"""Types of inputs whose value nobody sees, or only ours."""


def marks_pages[**P](view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
    """The view, with its HTML marked once it is rendered."""

    @wraps(view)
    def marking(*args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(*args, **kwargs)
        if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
            _mark_popup(response)
            response.add_post_render_callback(_mark)
        else:
            _mark(response)
        return response

    return marking


def _mark(response: HttpResponseBase) -> None:
    is_page = response.get("Content-Type", "").startswith("text/html")
    if is_page and not response.streaming:
        page: Any = response
        page.content = marked_page(page.text)


def _mark_popup(response: SimpleTemplateResponse) -> None:
    """Mark the text that a pop-up's script adds to a list of the page that opened it."""
    context = response.context_data or {}
    if "popup_response_data" in context:
        added = json.loads(context["popup_response_data"])
        shown = {name: marked_text(added[name]) for name in ("obj",) if added.get(name)}
        context["popup_response_data"] = json.dumps(added | shown)


def marked_page(html: str) -> str:
    """The page with every text marked, and isolated from ours where it could turn it.

    Fields keep their values, or saving would change them; a note beside them shows them marked.
    """
    if not TURNING.search(html):
        return html
    parts: list[str] = []
    last = ""
    for token in TOKENS.finditer(html):
        raw = token[0]
        if not TURNING.search(raw):
            parts.append(raw)
        elif token["kept"]:
            parts.append(_kept(token["kept"].lower(), raw, token["inside"]))
        elif raw.startswith("<"):
            parts.append(_tag(raw))
        elif last.startswith("<bdi"):
            parts.append(marked(raw))
        elif last.startswith("<option"):
            parts.append(_plain(raw))
        elif last == "<td>" and (names := NAMES.fullmatch(raw)):
            parts.append("<bdi>{}</bdi> (<bdi>{}</bdi>)".format(*map(marked, names.groups())))
        else:
            parts.append(_text(raw))
        last = raw.lower()
    return "".join(parts)


def _text(raw: str) -> str:
    """Text between tags: the quotation in a sentence of ours by itself, or else the whole.

    It goes to the last quotation mark: there may be some in the text, too.
    """
    start, end = raw.find("“") + 1, raw.rfind("”")
    quotes = 0 < start < end
    if quotes and not TURNING.search(raw[:start]) and not TURNING.search(raw[end:]):
        return f"{raw[:start]}<bdi>{marked(raw[start:end])}</bdi>{raw[end:]}"
    text = raw.strip()
    before, _, after = raw.partition(text)
    # A sentence that names somebody twice stays one in our direction.
    direction = ' dir="ltr"' if quotes else ""
    return f"{before}<bdi{direction}>{marked(text)}</bdi>{after}"


def _plain(raw: str) -> str:
    """Escaped text where no element can stand: isolated by characters, like `quoted` in the page.

    A title has parts, of which each is somebody's or ours.
    """
    parts = [
        f"\u2068{part.strip()}\u2069" if RTL.search(part) else part
        for part in HIDDEN.sub(_mark_plainly, raw).split("·")
    ]
    return "·".join(parts)


def _mark_plainly(found: re.Match[str]) -> str:
    return escape(marked_text(found[0]))


def _kept(name: str, raw: str, inside: str) -> str:
    if name == "title":
        return raw.replace(inside, _plain(inside), 1)
    return raw + _note(inside) if name == "textarea" else raw


def _note(value: str) -> str:
    """A note with the value of a field, if some of it cannot be seen there."""
    if marked_text(value) == value:
        return ""
    said = gettext("Invisible characters: {text}").format(text=f"<bdi>{marked(value)}</bdi>")
    return f'<span class="unseen-note">{said}</span>'


def _tag(raw: str) -> str:
    def attribute(found: re.Match[str]) -> str:
        name, equals, quoted = found[1].lower(), found[2], found[3]
        value, mark = quoted[1:-1], quoted[0]
        if name == "value":
            return found[0]
        if name in ADDRESSES:
            value = HIDDEN.sub(lambda hidden: quote(hidden[0]), value)
        else:
            value = _plain(value)
        return f"{found[1]}{equals}{mark}{value}{mark}"

    return ATTRIBUTE.sub(attribute, raw) + _note_of(raw)


def _note_of(raw: str) -> str:
    if not raw.lower().startswith("<input"):
        return ""
    attributes = {name.lower(): value[1:-1] for name, _, value in ATTRIBUTE.findall(raw)}
    typed = attributes.get("type", "text").lower() not in WITHOUT_TEXT
    return _note(attributes.get("value", "")) if typed else ""
