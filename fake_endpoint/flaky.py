"""An endpoint that answers only after some failures."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from fake_endpoint.faults import FAULTS, SHORT
from fake_endpoint.scenarios import Call, Script, parse_model, scripted

_asked: Counter[str] = Counter()


def flaky(call: Call) -> Script:
    """`flaky?fails=2&how=status%3Fcode%3D503`: the first two requests of a prompt get `how`.

    The next ones get `then`, or the usual text where there is none.
    """
    prompt = json.dumps(call.messages)
    _asked[prompt] += 1
    later = _asked[prompt] > call.number("fails", 1)
    scenario = call.options.get("then" if later else "how")
    if scenario is None:
        return scripted(call, SHORT)
    name, options = parse_model(scenario)
    return FAULTS[name](replace(call, options=options))
