"""Strings that were never marked for translation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

CHAT = Path(__file__).resolve().parent.parent
TEMPLATES = CHAT.parent / "templates"

NAMES = {"Parley", "·", "API", "UTC", "Content-Security-Policy", "page-account"}
"""The same in every language; the last one is a class, in a block of its own."""
READ_OUT = {"title", "placeholder", "aria-label", "alt", "aria-description"}
NO_TEXT = {"script", "style", "code"}

BLOCK = re.compile(
    r"\{%\s*blocktranslate\b.*?%\}.*?\{%\s*endblocktranslate\s*%\}|\{#.*?#\}"
    r"|\{%\s*comment.*?endcomment\s*%\}"
    r"|\{%\s*block (?:card_class|bodyclass)\b.*?\{%\s*endblock.*?%\}",
    re.DOTALL,
)
TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
LETTERS = re.compile(r"[A-Za-z]{2,}")


class Texts(HTMLParser):
    """Collects texts that people read, of a template whose tags were taken out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self.found += [value for name, value in attrs if name in READ_OUT and value]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not NO_TEXT & set(self._open):
            self.found.append(data)


def texts(template: str) -> list[str]:
    parser = Texts()
    parser.feed(TAG.sub("", BLOCK.sub("", template)))
    found = []
    for text in parser.found:
        words = " ".join(word for word in text.split() if word not in NAMES)
        if LETTERS.search(words):
            found.append(words)
    return found


def test_finder_sees_texts_and_attributes() -> None:
    html = """
        <p title="Seen">{% translate "Marked" %} not marked {{ value }}</p>
        {% blocktranslate trimmed %}Marked, too{% endblocktranslate %}
        <script>const ignored = 1;</script>
        <input placeholder="{% translate "Marked" %}"> {# Ignored #}
    """
    assert texts(html) == ["Seen", "not marked"]


# Attributes made of conditions; and a frame's document, whose frame has a title for people.
WITHOUT_WORDS = {
    "allauth/elements/button.html",
    "allauth/elements/field.html",
    "chat/diagram.html",
}


@pytest.mark.parametrize(
    "path",
    sorted(path for path in TEMPLATES.rglob("*.html")),
    ids=lambda path: str(path.relative_to(TEMPLATES)),
)
def test_templates_have_no_text_that_is_not_marked(path: Path) -> None:
    if str(path.relative_to(TEMPLATES)) not in WITHOUT_WORDS:
        assert texts(path.read_text()) == []


# --- Python -------------------------------------------------------------------------------

SAID = {
    "message_user": 1,
    "success": 1,
    "add_error": 1,
    "ValidationError": 0,
    "ApiProblem": 2,
    "AuthenticationFailed": 2,
    "BadFrame": 1,
    "NotAllowed": 0,
    "NoModel": 0,
    "TooMany": 0,
    "WrongValue": 0,
    "Unreadable": 0,
    "SecretLost": 0,
    "Finding": 1,
}
"""Calls that say something to people, and the place of their sentence."""
SAID_BY_NAME = {"label", "help_text", "description", "verbose_name", "verbose_name_plural"}
ENGLISH = {"management", "migrations", "tests", "openai"}
"""Output of commands, and errors in OpenAI's words."""
WITHOUT_READERS = {
    "checks.py",  # of settings, for the log
    "protocol_types.py",
}


def unmarked(source: str, *, fields: bool) -> Iterator[tuple[int, str]]:
    """Bare literals where a sentence for people belongs; `fields`: of forms and the admin, too."""
    tree = ast.parse(source)
    assigned = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_bare(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if (
            fields
            and isinstance(node, ast.Assign)
            and _is_bare(node.value)
            and getattr(node.targets[0], "attr", "") in SAID_BY_NAME
        ):
            yield node.lineno, ast.unparse(node)
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        said = [node.args[SAID[name]]] if len(node.args) > SAID.get(name, 99) else []
        if fields:
            said += [one.value for one in node.keywords if one.arg in SAID_BY_NAME]
        for one in said:
            value = assigned.get(one.id, one) if isinstance(one, ast.Name) else one
            if _is_bare(value):
                yield one.lineno, ast.unparse(value)


def _is_bare(value: ast.expr) -> bool:
    if isinstance(value, ast.JoinedStr):
        parts = [one.value for one in value.values if isinstance(one, ast.Constant)]
        return any(LETTERS.search(str(one)) for one in parts)
    is_text = isinstance(value, ast.Constant) and isinstance(value.value, str)
    return is_text and bool(LETTERS.search(ast.unparse(value)))


def test_finder_sees_bare_literals() -> None:
    source = """
raise BadFrame("code", "Bare.")
raise BadFrame("code", Sentence("Marked."))
raise ValidationError(f"Bare {one}")
field = CharField(label="Bare", help_text=_("Marked"))
field.label = "Bare"
said = "Bare, and called by a name"
raise NotAllowed(said)
"""
    assert len(list(unmarked(source, fields=True))) == 5
    assert len(list(unmarked(source, fields=False))) == 3


def sources() -> list[Path]:
    return [
        path
        for path in sorted(CHAT.rglob("*.py"))
        if not ENGLISH & set(path.relative_to(CHAT).parts) and path.name not in WITHOUT_READERS
    ]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(CHAT)))
def test_modules_say_nothing_that_is_not_marked(path: Path) -> None:
    # The descriptions of the API's document are for programmers, help texts of tables for us.
    fields = path.parent.name == "admin" or path.name.endswith("forms.py")
    assert list(unmarked(path.read_text(), fields=fields)) == []
