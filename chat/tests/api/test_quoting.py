"""Texts as quotations in a Markdown file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.api.quoting import quotation


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", ""),
        ("One.\n\nTwo.", "> One.\n>\n> Two."),
        ("```html\n<div>\n```\n<b>", "> ```html\n> <div>\n> ```\n> \\<b>"),
        ("Use `<b>` or ``a`<i>``.", "> Use `\\<b>` or ``a`\\<i>``."),
        ("Use `<b>` or `<i>`.", "> Use `<b>` or `<i>`."),
        ("See <https://example.org>.", "> See <https://example.org>."),
        ("a < b, a<b", "> a < b, a\\<b"),
        ("x `a\n`<b>` y", "> x `a\n> `\\<b>` y"),
        ("  ```\n```\n<b>", ">   ```\n> ```\n> \\<b>"),
        ("- ```\n<b>\n```\n<i>", "> - ```\n> \\<b>\n> ```\n> \\<i>"),
        ("```\n<b>", "> ```\n> <b>"),
    ],
)
def test_a_text_is_quoted_and_html_outside_of_code_escaped(text: str, quoted: str) -> None:
    assert quotation(text) == quoted


@given(st.text(alphabet="a`~<b>/!-\\ \n\r\u2028>#"))
def test_every_line_is_quoted(text: str) -> None:
    assert all(line.startswith(">") for line in quotation(text).splitlines())


def test_characters_that_are_not_seen_are_named() -> None:
    assert quotation("a\u202eb\n`\u2066\U000e0068`") == "> a[RLO]b\n> `[LRI][tags: h]`"
