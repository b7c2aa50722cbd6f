"""An endpoint that answers only after some failures, beside all that `bench.upstream` plays.

`flaky?fails=2&how=status%3Fcode%3D503`: the first two requests of a prompt meet the scenario `how`,
the next ones meet `then`, or are answered with `SHORT` where there is none. Importing this module
adds it; `python -m bench.flaky` is the fake upstream with it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from bench.faults import FAULTS, SHORT
from bench.scenarios import Call, Script, parse_model, scripted
from bench.upstream import SCENARIOS, main

_asked: Counter[str] = Counter()


def flaky(call: Call) -> Script:
    """Fails at first."""
    prompt = json.dumps(call.messages)
    _asked[prompt] += 1
    later = _asked[prompt] > call.number("fails", 1)
    scenario = call.options.get("then" if later else "how")
    if scenario is None:
        return scripted(call, SHORT)
    name, options = parse_model(scenario)
    return FAULTS[name](replace(call, options=options))


SCENARIOS["flaky"] = flaky

if __name__ == "__main__":
    main()
