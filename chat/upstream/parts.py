"""The words of a content that is no plain string, and of the flags beside one. No I/O."""

from __future__ import annotations

from typing import Any

_THINKS = frozenset(["analysis", "think", "thinking", "thought", "reasoning"])
"""Names of channels, phases and types that hold thoughts."""


def is_flagged(thought: Any, extra: Any, *kinds: Any) -> bool:
    """True if a flag beside the content calls it thoughts: Gemini's, or a word of gateways."""
    if thought is True or _is_google_thought(extra):
        return True
    return any(type(kind) is str and kind.lower() in _THINKS for kind in kinds)


def _is_google_thought(extra: Any) -> bool:
    """True for Google's `{"google": {"thought": true}}`.

    https://ai.google.dev/gemini-api/docs/openai
    """
    if not isinstance(extra, dict):
        return False
    return any(isinstance(one, dict) and one.get("thought") is True for one in extra.values())


def details(rows: Any) -> str:
    """The words in OpenRouter's list of thoughts, without those that are encrypted."""
    if not isinstance(rows, list):
        return ""
    said = [row.get("text") or row.get("summary") for row in rows if isinstance(row, dict)]
    return "".join(words for words in said if isinstance(words, str))


def parts(content: Any) -> tuple[str, str]:
    """Text and reasoning of a content that is not a plain string."""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return ("", "") if isinstance(content, bool) else (str(content), "")
    text, reasoning = [], []
    for part in content:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict):
            said, thought = _part(part)
            text.append(said)
            reasoning.append(thought)
    return "".join(text), "".join(reasoning)


_THOUGHTS = ("thinking", "reasoning", "reasoning_content", "thought", "summary")


def _part(part: dict[str, Any]) -> tuple[str, str]:
    """Text and reasoning of one part: Mistral's, Anthropic's, OpenAI's and Gemini's shapes."""
    kind = str(part.get("type", ""))
    thinks = is_flagged(part.get("thought"), part.get("extra_content")) or any(
        word in kind for word in ("think", "reason", "thought", "summary")
    )
    for name in _THOUGHTS:
        if part.get(name) and not isinstance(part[name], bool):
            return "", "".join(parts(part[name]))
    for name in ("text", "content", "refusal", "value"):
        value = part.get(name)
        if isinstance(value, str):
            return ("", value) if thinks else (value, "")
        if value and not isinstance(value, bool | int | float) and name in ("text", "content"):
            said, thought = parts(value)
            return ("", said + thought) if thinks else (said, thought)
    return "", ""
