"""Catalogues: complete, of the present source, with the placeholders of the source, compiled."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings

from chat.management.commands.messages import (
    PAGE,
    PARTS,
    PLURALS,
    SERVER,
    compiled,
    is_compiled,
    is_translated,
    key,
    read,
    sentences,
    updated,
)

COMPLETE = {"de", "hu", "zh-hans"}
"""Languages whose catalogues have every sentence. A translator adds the language when it is so."""
EVERYWHERE = {
    "%(time)s UTC",
    "< {n} s",
    "Enter",
    "Esc",
    "Top P",
    "WebSocket",
    "continue_final_message (vLLM, SGLang)",
    "{day}, {time} UTC",
    "{n} s",
    "{sentence} {next}",
    "{step}: {problem}",
    "{step}: {problem} {hint}",
}
SAME: dict[str, set[str]] = {
    "de": {
        *EVERYWHERE,
        "Administration",
        "Chat",
        "Details",
        "Minimal",
        "Name",
        "OK",
        "Problem",
        "System",
        "Tokens",
        "Tokens: {counts}",
        "{minutes} min {seconds} s",
    },
    "hu": {*EVERYWHERE, "Ctrl", "Diagram", "Shift", "E-mail", "token", "{n} token"},
    "zh-hans": {*EVERYWHERE, "Ctrl", "Shift"},
}
"""Words that are the same in English and in this language."""

CATALOGUES = [(part, code) for part in PARTS for code in PLURALS]
every_catalogue = pytest.mark.parametrize(
    ("part", "code"),
    CATALOGUES,
    ids=[f"{'server' if part is SERVER else 'page'}-{code}" for part, code in CATALOGUES],
)
PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)s|%%")


def texts(one: Message) -> list[str]:
    return list(one.string) if isinstance(one.string, list | tuple) else [str(one.string)]


def ids(one: Message) -> list[str]:
    return list(one.id) if isinstance(one.id, list | tuple) else [str(one.id)]


def test_every_language_has_catalogues() -> None:
    assert set(PLURALS) == {code for code, _ in settings.LANGUAGES} - {"en"}
    assert set(PLURALS) >= COMPLETE


@every_catalogue
def test_catalogues_are_those_of_the_source(part: object, code: str) -> None:
    assert part is SERVER or part is PAGE
    path = part.path(code)
    assert path.read_text() == updated(code, part.extracted(), read(path)), "Run `make messages`."


@every_catalogue
def test_complete_languages_have_every_sentence(part: object, code: str) -> None:
    assert part is SERVER or part is PAGE
    if code not in COMPLETE:
        pytest.skip("is being translated")
    left = [
        ids(one)[0]
        for one in sentences(read(part.path(code)))
        if not is_translated(one)
        or (set(texts(one)) & set(ids(one)) and ids(one)[0] not in SAME[code])
    ]
    assert left == []


@every_catalogue
def test_translations_have_the_placeholders_of_the_source(part: object, code: str) -> None:
    assert part is SERVER or part is PAGE
    assert [fault for one in sentences(read(part.path(code))) for fault in faults(one)] == []


def faults(one: Message) -> list[str]:
    """Translations with other names than the source, or with signs that would end an attribute."""
    if not is_translated(one):
        return []
    wanted = set(PLACEHOLDER.findall(ids(one)[-1]))
    found = []
    for place, text in enumerate(texts(one)):
        names = set(PLACEHOLDER.findall(text))
        # "One message" may do without the number.
        spare = {"{count}", "{n}", "%(counter)s"} if len(texts(one)) > 1 and place == 0 else set()
        if names - wanted or wanted - names - spare:
            found.append(f"{text!r} has other placeholders than {ids(one)[-1]!r}")
        if ('"' in text) > ('"' in ids(one)[-1]) or ("<" in text) > ("<" in ids(one)[-1]):
            found.append(f"{text!r} has a sign that would end an attribute")
    return found


@pytest.mark.parametrize(
    ("id", "string", "wrong"),
    [
        ("Hello {name}", "Hallo {name}", 0),
        ("Hello {name}", "Hallo {nam}", 1),
        ("Hello {name}", "Hallo", 1),
        ("%(day)s UTC", "%(day)s UTC", 0),
        ("%(day)s UTC", "%(tag)s UTC", 1),
        (("{count} model", "{count} models"), ("Ein Modell", "{count} Modelle"), 0),
        (("{count} model", "{count} models"), ("Ein Modell", "Modelle"), 1),
        ("Label", 'Ein "Name"', 1),
    ],
)
def test_faults_of_a_translation_are_seen(
    id: str | tuple[str, ...], string: str | tuple[str, ...], wrong: int
) -> None:
    assert len(faults(Message(id, string))) == wrong


@pytest.mark.parametrize("code", PLURALS)
def test_compiled_catalogues_say_the_same(code: str) -> None:
    assert is_compiled(SERVER.path(code)), "Run `make messages`."


# --- the tool -----------------------------------------------------------------------------


def template(*texts: str | tuple[str, str], context: str | None = None) -> Catalog:
    made = Catalog()
    for text in texts:
        made.add(text, locations=[("chat/views.py", None)], context=context)  # type: ignore[list-item,unused-ignore]
    return made


def read_from(text: str) -> Catalog:
    return read_po(BytesIO(text.encode()))


def test_known_translations_stay_and_others_go() -> None:
    first = updated("de", template("Log in", "Log out"), Catalog())
    known = read_from(first.replace('"Log in"\nmsgstr ""', '"Log in"\nmsgstr "Anmelden"'))
    second = read_from(updated("de", template("Log in", "Log in first"), known))

    assert {key(one): one.string for one in sentences(second)} == {
        ("Log in", None): "Anmelden",
        ("Log in first", None): "",  # nothing is guessed
    }


def test_a_context_makes_another_entry() -> None:
    text = updated("hu", template("Open", context="verb"), Catalog())
    assert 'msgctxt "verb"' in text
    known = read_from(text.replace('msgstr ""', 'msgstr "Megnyitás"').replace("Megnyitás", "", 1))
    assert [key(one) for one in sentences(known)] == [("Open", "verb")]


@pytest.mark.parametrize(("code", "forms"), [("de", 2), ("hu", 2), ("zh-hans", 1)])
def test_plurals_have_the_forms_of_the_language(code: str, forms: int) -> None:
    text = updated(code, template(("{n} model", "{n} models")), Catalog())
    assert text.count("msgstr[") == forms


def test_entries_name_files_and_no_lines() -> None:
    text = updated("de", template("Log in"), Catalog())
    assert "#: chat/views.py\n" in text


def test_the_same_source_gives_the_same_bytes() -> None:
    known = read(SERVER.path("de"))
    assert updated("de", SERVER.extracted(), known) == updated("de", SERVER.extracted(), known)


def test_compiled_bytes_have_what_is_translated() -> None:
    text = updated("de", template("Log in", "Log out"), Catalog())
    catalog = read_from(text.replace('"Log in"\nmsgstr ""', '"Log in"\nmsgstr "Anmelden"'))
    found = read_mo(BytesIO(compiled(catalog)))
    assert [(one.id, one.string) for one in sentences(found)] == [("Log in", "Anmelden")]


def test_calls_of_the_page_are_found() -> None:
    found = {key(one) for one in sentences(PAGE.extracted())}
    assert ("New chat", None) in found
    assert any(isinstance(text, tuple) for text, _ in found)
