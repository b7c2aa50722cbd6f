"""Catalogues of sentences: extract, update and compile them (`make messages`). Needs Babel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import templatize, to_locale

ROOT = Path(settings.BASE_DIR)
PYTHON: dict[str, Any] = {
    name: spec
    for suffix in ("", "_lazy")
    for name, spec in {
        f"gettext{suffix}": None,
        f"ngettext{suffix}": (1, 2),
        f"pgettext{suffix}": ((1, "c"), 2),
        f"npgettext{suffix}": ((1, "c"), 2, 3),
    }.items()
} | {"_": None, "gettext_noop": None, "Sentence": None, "wording": None, "counted": (1, 2)}
SCRIPT: dict[str, Any] = {
    "t": None,
    "tn": (1, 2),
    "tc": ((1, "c"), 2),
    "tparts": None,
    "msg": None,
}
"""Functions of `frontend/src/lib/translate.js`."""
CALL = re.compile(
    r"""\b(?:n?p?gettext|_)\((?:u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*"|[\s,]|count)*\)"""
)
COMMENTS = ("Translators:",)
PLURALS = {
    "de": "nplurals=2; plural=(n != 1);",
    "hu": "nplurals=2; plural=(n != 1);",
    "zh-hans": "nplurals=1; plural=0;",
}
HEADER = """\
msgid ""
msgstr ""
"Project-Id-Version: Parley\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Language: {locale}\\n"
"Plural-Forms: {plurals}\\n"
"""

type Id = tuple[str | tuple[str, ...], str | None]
"""A text, or its singular and plural, and its context."""


class Command(BaseCommand):
    help = "Extract the sentences of the source, update the catalogues with them, compile these."

    def handle(self, *args: Any, **options: Any) -> None:
        for part in PARTS:
            template = part.extracted()
            for code in PLURALS:
                path = part.path(code)
                text = updated(code, template, read(path))
                if not path.exists() or path.read_text() != text:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text)
                catalog = read(path)
                left = sum(not is_translated(one) for one in sentences(catalog))
                self.stdout.write(f"{path.relative_to(ROOT)}: {len(catalog)}, {left} to translate")
                if part.is_compiled and not is_compiled(path):
                    path.with_suffix(".mo").write_bytes(compiled(catalog))


# --- the source ---------------------------------------------------------------------------


class _Part:
    """The sentences of the server, or of the page's scripts."""

    is_compiled = False

    def path(self, code: str) -> Path:
        """The catalogue of a language."""
        raise NotImplementedError

    def found(self) -> Iterator[tuple[Path, Any]]:
        """Each file with Babel's findings in it: line, texts, comments, context."""
        raise NotImplementedError

    def extracted(self) -> Catalog:
        """All sentences, in the order of files and lines, without translations."""
        template = Catalog()
        for path, (_, texts, comments, context) in self.found():
            # The number of a line would change with every edit.
            where = (path.relative_to(ROOT).as_posix(), None)
            template.add(texts, locations=[where], auto_comments=comments, context=context)  # type: ignore[list-item,unused-ignore]
        return template


class _Server(_Part):
    is_compiled = True

    def path(self, code: str) -> Path:
        return ROOT / "chat" / "locale" / to_locale(code) / "LC_MESSAGES" / "django.po"

    def found(self) -> Iterator[tuple[Path, Any]]:
        for folder in ("chat", "chatproject"):
            for path in sorted((ROOT / folder).rglob("*.py")):
                if not {"tests", "migrations"} & set(path.parts):
                    for one in extract("python", BytesIO(path.read_bytes()), PYTHON, COMMENTS):
                        yield path, one
        for path in sorted((ROOT / "templates").rglob("*")):
            if path.suffix in {".html", ".txt"}:
                calls = _calls(templatize(path.read_text(), origin=str(path)))
                for one in extract("python", BytesIO(calls), PYTHON, COMMENTS):
                    yield path, one


def _calls(source: str) -> bytes:
    """The calls in Python that Django makes of a template, a line each.

    The rest is no Python: each other character is an X or the like.
    """
    return "\n".join(found[0] for found in CALL.finditer(source)).encode()


class _Page(_Part):
    def path(self, code: str) -> Path:
        return ROOT / "frontend" / "locale" / f"{to_locale(code)}.po"

    def found(self) -> Iterator[tuple[Path, Any]]:
        options = {"parse_template_string": True}
        for path in sorted((ROOT / "frontend" / "src").rglob("*.js")):
            source = BytesIO(path.read_bytes())
            for one in extract("javascript", source, SCRIPT, COMMENTS, options):
                yield path, one


SERVER, PAGE = _Server(), _Page()
PARTS: tuple[_Part, ...] = (SERVER, PAGE)


# --- catalogues ---------------------------------------------------------------------------


def read(path: Path) -> Catalog:
    """The catalogue in this file; an empty one where there is none."""
    return read_po(BytesIO(path.read_bytes() if path.exists() else b""))


def sentences(catalog: Catalog) -> list[Message]:
    """Its entries, without the header."""
    return [one for one in catalog if one.id]


def key(one: Message) -> Id:
    return (tuple(one.id) if isinstance(one.id, list | tuple) else one.id), one.context


def is_translated(one: Message) -> bool:
    """True if every form of it has a text."""
    texts = one.string if isinstance(one.string, tuple | list) else (one.string,)
    return bool(texts) and all(texts)


def updated(code: str, template: Catalog, known: Catalog) -> str:
    """The `.po` file of a language: the sentences of the template, with known translations.

    Nothing is guessed, and sentences that are no longer in the source are left out.
    """
    forms = int(PLURALS[code].removeprefix("nplurals=")[0])
    before = {key(one): one for one in sentences(known)}
    catalog = Catalog(locale=to_locale(code))
    for one in sentences(template):
        old = before.get(key(one))
        texts: Any = "" if isinstance(one.id, str) else ("",) * forms
        if old is not None and is_translated(old) and not old.fuzzy:
            texts = old.string
        catalog.add(
            one.id,
            texts,
            locations=_files_of(one),
            auto_comments=one.auto_comments,
            user_comments=old.user_comments if old else (),
            context=one.context,
        )
    written = BytesIO()
    write_po(written, catalog, width=0, omit_header=True, include_lineno=False)
    header = HEADER.format(locale=to_locale(code), plurals=PLURALS[code])
    entries = written.getvalue().decode().strip()
    return f"{header}\n{entries}\n" if entries else header


def _files_of(one: Message) -> Any:
    """The places of an entry as Babel takes them, without lines."""
    return [(file, None) for file in sorted({file for file, _ in one.locations})]


def compiled(catalog: Catalog) -> bytes:
    """The same as a `.mo` file, which Django reads; without forms that are empty."""
    translated = Catalog(locale=catalog.locale)
    for one in sentences(catalog):
        if is_translated(one):
            translated.add(one.id, one.string, context=one.context)
    written = BytesIO()
    write_mo(written, translated)
    return written.getvalue()


def is_compiled(path: Path) -> bool:
    """True if the `.mo` file beside this `.po` file says the same."""
    binary = path.with_suffix(".mo")
    if not binary.exists():
        return False
    with binary.open("rb") as file:
        return _said(read_mo(file)) == _said(read(path))


def _said(catalog: Catalog) -> dict[Id, list[str]]:
    """Translations by key: a list of one text, or of one for each form."""
    return {
        key(one): list(one.string) if isinstance(one.string, list | tuple) else [str(one.string)]
        for one in sentences(catalog)
        if is_translated(one)
    }
