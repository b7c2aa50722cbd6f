"""Thoughts told from the answer: by every mark, and however the text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.upstream.chunks import Chunk
from chat.upstream.content import Content
from chat.upstream.thoughts import AS_IT_COMES, Reading, Router

BEGAN = Reading(began=True)


def read(
    pieces: list[str], *, orderly: bool = True, reading: Reading = AS_IT_COMES
) -> tuple[str, str]:
    """Answer and thoughts; read again as often as the router finds that it has erred."""
    router, so_far = Router(reading), ""
    text: list[str] = []
    thoughts: list[str] = []

    def settle() -> bool:
        nonlocal router
        again = False
        while router.wrong is not None:
            router, again = Router(router.wrong), True
            said = router.feed(so_far)
            text[:], thoughts[:] = [said.text], [said.thoughts]
        return again

    for piece in pieces:
        so_far += piece
        said = router.feed(piece)
        text.append(said.text)
        thoughts.append(said.thoughts)
        settle()
    for _ in range(5):
        said = router.finish(orderly=orderly)
        text.append(said.text)
        thoughts.append(said.thoughts)
        if not settle():
            return "".join(text), "".join(thoughts)
    raise AssertionError("it is read again for ever")


@pytest.mark.parametrize(
    ("said", "text", "thoughts"),
    [
        ("plain", "plain", ""),
        ("<think>a</think>b", "b", "a"),
        ("\n<think>\na\nb\n</think>\n\nc\n", "c\n", "a\nb"),
        ("<think></think>b", "b", ""),
        ("<think/>b", "b", ""),
        ("<think>a < b </thin> c</think>d", "d", "a < b </thin> c"),
        ("<THINK a='b'>a</THINK >b", "b", "a"),
        ("<think>never closed", "", "never closed"),
        ("<thi", "<thi", ""),
        ("  ", "  ", ""),
        # More than one passage: at the start, or where a line begins with it.
        ("<think>a</think>\n<think>c</think>\nd", "d", "a\n\nc"),
        ("<think>a</think>b\n\n<think>c</think>\nd", "b\n\nd", "a\n\nc"),
        ("<think>a</think>b\n\n<think>c d", "b\n\n<think>c d", "a"),
        ("<think>a</think>b<think>c</think>", "b<think>c</think>", "a"),
        # Other tags and marks.
        ("<thinking>a</thinking>b", "b", "a"),
        ("<thought>a</thought>b", "b", "a"),
        ("<reasoning>a</reasoning> b", "b", "a"),
        ("<seed:think>a</seed:think>b", "b", "a"),
        ("[THINK]a[/THINK]b", "b", "a"),
        ("◁think▷a◁/think▷b", "b", "a"),
        ("<|channel>thought\na<channel|>b", "b", "a"),
        (
            "<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>\nb<|end_of_solution|>",
            "b",
            "a",
        ),
        ("<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", "b", "a"),
        ("<|think|>a<|end|><|begin|>assistant<|content|>b<|end|>", "b", "a"),
        ("<think>a</think>It is <|begin_of_box|>4<|end_of_box|>.", "It is 4.", "a"),
        (
            "<think>a</think>Marks like <|begin_of_box|> are GLM's.",
            "Marks like <|begin_of_box|> are GLM's.",
            "a",
        ),
        ("<antThinking>a</antThinking>b", "b", "a"),
        ("<reflection>a</reflection>b", "<reflection>a</reflection>b", ""),
        ("<answer>a</answer>", "<answer>a</answer>", ""),
        ("a <|end|>", "a <|end|>", ""),
        ("Here is my thought process: a. Here is my response: b", "b", "a."),
        ("Here is my list", "Here is my list", ""),
        # The channels of gpt-oss, also where its marks were taken out or the header is missing.
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b"
            "<|return|>",
            "b",
            "a",
        ),
        ("a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "b", "a"),
        ("<|channel|>final<|message|>b", "b", ""),
        ("<|channel|>analysis<|message|>a<|end|>\nb", "b", "a"),
        ("analysisWe need.assistantfinalHello", "Hello", "We need."),
        ("analysisWe need nothing", "analysisWe need nothing", ""),
        ("Analysis: fine", "Analysis: fine", ""),
        ("<unused94>thought\na<unused95>b", "b", "a"),
        ("<scratchpad>a</scratchpad>b", "b", "a"),
        ("<inner_monologue>a</inner_monologue>b", "b", "a"),
        # Closed by another name, opened or closed twice, or behind what is not seen.
        ("<think>a</thinking>b", "b", "a"),
        ("<thinking>\na\n</think>\n\nb", "b", "a"),
        ("<think>a </reasoning> c</think>b", "b", "a </reasoning> c"),
        ("<think>a</think></think>b", "b", "a"),
        ("<think>\n<think>\na</think>\nb", "b", "a"),
        ("<think><think>a</think>\n</think>\n\nb", "b", "a"),
        ("\ufeff<think>a</think>b", "b", "a"),
        ("\u200b\n<think>a</think>b", "b", "a"),
        ("\ufeffplain", "\ufeffplain", ""),
        # Only what closes them comes.
        ("a.\n</think>\n\nb", "b", "a."),
        ("Done. </think> hello", "hello", "Done."),
        ("</think>\n\nb", "b", ""),
        # A mark that is talked about.
        ("say <think>no</think>", "say <think>no</think>", ""),
        ("Use `</think>` to close.", "Use `</think>` to close.", ""),
        ("Use </think> to close.", "Use </think> to close.", ""),
        ('about "</think>" tags', 'about "</think>" tags', ""),
        ("```\n</think>\n```\nbye", "```\n</think>\n```\nbye", ""),
        ("<think>a `</think>` b</think>c", "c", "a `</think>` b"),
        ("<think>use ` char</think>Answer with `code`", "Answer with `code`", "use ` char"),
        ("<think>a\n```\ncode\n</think>\n\nAnswer", "Answer", "a\n```\ncode"),
        ("[thinking] on stage", "[thinking] on stage", ""),
        ("a <b> c [link](x) </b> d <", "a <b> c [link](x) </b> d <", ""),
        ("<div>x</div>", "<div>x</div>", ""),
        # Blanks before code stay.
        ("<think>\n\n \n</think>\n\n    code", "    code", ""),
    ],
)
def test_thoughts_are_told_from_the_answer_however_it_is_cut(
    said: str, text: str, thoughts: str
) -> None:
    assert read([said]) == (text, thoughts)
    assert read(list(said)) == (text, thoughts)
    for cut in range(len(said)):
        assert read([said[:cut], said[cut:]]) == (text, thoughts)


def test_a_model_that_begins_in_its_thoughts_need_not_say_so() -> None:
    router = Router(BEGAN)
    assert router.feed("Hm, ") == ("", "Hm,")
    assert read(["Hm.\n</think>\nYes"], reading=BEGAN) == ("Yes", "Hm.")


def test_what_was_taken_for_thoughts_and_is_never_closed_is_the_answer() -> None:
    assert read(["Just text"], reading=BEGAN) == ("Just text", "")
    assert read(["Just te"], reading=BEGAN, orderly=False) == ("", "Just te")


def test_an_answer_goes_through_at_once() -> None:
    assert Router().feed("Hello") == ("Hello", "")
    assert Router().feed("1 is < 2 and ") == ("1 is < 2 and ", "")


MARKS = [
    *("<think>", "</think>", "<", "</th", "ink>", "[THINK]", "[/THINK]", "<thinking>", "<think "),
    *("</thinking>", "<|channel|>", "final", "<|message|>", "<|end|>", "<|start|>assistant"),
    *("analysis", "assistantfinal", "We", "Here is my response:", "Here is my thought process:"),
    *("<|think|>", "<|begin|>assistant", "<|content|>", "<|begin_of_box|>", "[", "/"),
    *("◁think▷", "◁/think▷", "<|START_RESPONSE|>", "<|END_THINKING|>"),
    *("\n", "a", " ", "`", "``", "```", "~~~", '"', ". ", ">"),
]


@given(st.lists(st.sampled_from(MARKS), max_size=10), st.sampled_from([AS_IT_COMES, BEGAN]))
def test_every_cut_is_read_alike(parts: list[str], reading: Reading) -> None:
    said = "".join(parts)
    whole = read([said], reading=reading)
    assert read(parts, reading=reading) == whole
    assert read(list(said), reading=reading) == whole


@pytest.mark.parametrize(
    "said",
    ["<think>a</think>" + " b<think>" * 500, "<think>" + "`</think>` " * 500, "`</think>` " * 500],
)
def test_many_marks_in_one_piece_are_as_many_in_small_ones(said: str) -> None:
    assert read([said]) == read([said[at : at + 7] for at in range(0, len(said), 7)])


@given(
    st.lists(st.tuples(st.sampled_from([*MARKS, "word "]), st.booleans()), max_size=14),
    st.booleans(),
)
def test_words_that_are_looked_at_together_are_read_alike(
    pieces: list[tuple[str, bool]], began: bool
) -> None:
    """Let pieces flow or add them one by one, and take them at any time."""
    said = []
    for flows in (True, False):
        content = Content(marked=True, began=began)
        texts = ["", ""]

        def take(content: Content, texts: list[str], last: bool = False) -> None:
            batch = content.take(last=last)
            if batch.replaces:
                texts[:] = ["", ""]
            texts[0] += batch.text
            texts[1] += batch.reasoning

        for piece, taken in pieces:
            if not (flows and content.flow(piece, "")):
                content.add(Chunk(piece), ends=False)
            if taken or not flows:
                take(content, texts)
        content.finish(orderly=True)
        take(content, texts, last=True)
        said.append(texts)
    assert said[0] == said[1]
