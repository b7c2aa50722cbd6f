"""Details of errors without secrets and prompts."""

import base64
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.endpoint import EndpointConfig
from chat.tests.counting import Counted
from chat.upstream.scrubbing import scrub


@given(st.text(max_size=40), st.text(min_size=12, max_size=60), st.text(max_size=40))
def test_no_long_run_of_a_secret_survives(before: str, secret: str, after: str) -> None:
    said = scrub(before + secret + after, [secret])
    runs = {secret[i : i + 12] for i in range(len(secret) - 11)}
    assert not any(run in said for run in runs if "…" not in run and "<" not in run)


LETTERS = st.text(st.characters(categories=["L"]), min_size=12, max_size=40)


@given(LETTERS, st.integers(1, 2))
def test_a_secret_in_escapes_of_escapes_is_seen(secret: str, times: int) -> None:
    words = secret
    for _ in range(times):
        words = json.dumps(words)
    said = scrub(f": {words}", [secret])
    assert "…" in said
    assert not any(letter.isalnum() for letter in said)


@pytest.mark.parametrize("form", [json.dumps, ascii, repr, lambda s: json.dumps(json.dumps(s))])
def test_a_prompt_in_any_form_is_replaced(form: Callable[[str], str]) -> None:
    prompt = 'Ärger im "Kontor": 请保守这个秘密 👍\nand \\n that is it'
    said = scrub(f"Refused: {form(prompt)}!", [prompt])
    assert said.startswith("Refused: ")
    assert not any(word in said for word in ("Kontor", "8bf7", "守", "that"))
    assert len(said) < 20


@pytest.mark.parametrize(
    ("words", "piece"),
    [
        ("parameter " * 60, "Put this down. "),
        ("a" * 600, "a"),
        ("a" * 600, "aaaaaabcdefg"),
        ("This model's maximum context length is 8192 tokens. " * 12, "the length of a context "),
        ("".join(map(str, range(300))), "".join(map(str, range(300)))),
    ],
)
def test_looking_for_a_prompt_takes_work_in_proportion_to_its_length(
    words: str, piece: str
) -> None:
    per_character = []
    for length in (20_000, 200_000):
        secret = Counted((piece * length)[:length])
        scrub(words, [secret])
        per_character.append(secret.total / length)
    assert max(per_character) < 20
    assert per_character[1] <= per_character[0] * 1.2


SECRET = "Zk9-qWx7_Lm2Pd5Rt8Vb"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        SECRET[:9],
        SECRET[4:11],
        SECRET[-7:],
        f"{SECRET[:3]}****{SECRET[-3:]}",
        f"{SECRET[:5]}...",
        f"{SECRET[:4]}…{SECRET[-4:]}",
        f"ending in {SECRET[-4:]}",
        f"'{SECRET[:4]}'",
        _base64(SECRET),
        _base64(f"Bearer {SECRET}"),
        _base64(f"user:{SECRET}"),
        _base64(f"ab{SECRET}cd"),
        base64.urlsafe_b64encode(f"??{SECRET}>>".encode()).decode(),
        _base64(SECRET)[:14],
        SECRET.encode().hex(),
        SECRET.encode().hex().upper()[:20],
        json.dumps(_base64(SECRET).replace("=", "\u003d")),
    ],
)
def test_a_key_in_base64_or_cut_short_is_replaced(form: str) -> None:
    told = scrub(
        f"Refused: {form} is wrong", EndpointConfig("F", "F", "http://x.test", SECRET).secrets
    )
    assert told in {f"Refused: {around} is wrong" for around in ("…", '"…"', "ending in …", "'…'")}


def test_words_that_only_look_like_a_piece_of_a_key_stay() -> None:
    words = "Incorrect key provided: see the page of your account, in 4 seconds..."
    assert scrub(words, EndpointConfig("F", "F", "http://x.test", SECRET).secrets) == words
