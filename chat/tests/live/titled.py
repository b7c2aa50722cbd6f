"""A model that answers, and names conversations: `titled?says=Frogs&wait=1`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fake_endpoint import SCENARIOS, FakeEndpoint
from fake_endpoint.scenarios import Call, Script, delta, finish, parse_model, scripted, start

ANSWER = "Old pond, a frog jumps in."


def titled(call: Call) -> Script:
    """The title `says` where one is asked for, after `wait` seconds, or as the scenario `how`.

    With `thinks`, thoughts use up a small limit first.
    """
    if not is_for_a_title(call.body):
        yield from scripted(call, ANSWER)
        return
    yield call.number("wait", 0)
    if "how" in call.options:
        name, options = parse_model(call.options["how"])
        yield from SCENARIOS[name](replace(call, options=options))
    elif "thinks" in call.options:
        yield from start(call)
        yield delta(call, {"reasoning_content": "A pond, a frog. "})
        enough = (call.body.get("max_tokens") or 10**6) > 100
        if enough:
            yield delta(call, {"content": call.options["says"]})
        yield from finish(call, "stop" if enough else "length")
    else:
        yield from scripted(call, call.options["says"])


def is_for_a_title(body: dict[str, Any]) -> bool:
    """True for the body of a request for a title."""
    return str(body["messages"][-1]["content"]).endswith("\nTitle:")


def asked(endpoint: FakeEndpoint) -> list[dict[str, Any]]:
    """The bodies of the requests for titles, oldest first."""
    return [one.body for one in endpoint.requests if is_for_a_title(one.body)]


def model(says: str, **options: object) -> str:
    """The name of the model that gives this title."""
    query = "&".join(f"{name}={quote(str(value))}" for name, value in options.items())
    return f"titled?says={quote(says)}" + (f"&{query}" if query else "")
