"""Evaluates the alarms of deploy/alarms.yml over scrapes, as Prometheus would.

The part of PromQL that they use: selectors with matchers, `rate` and `increase` (over the two
scrapes that are given), `sum` and `max` with `by`, `histogram_quantile`, `+ * /`, comparisons and
`and`.
A metric that no scrape knows is an error: its alarm could never come.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

FILE = Path(__file__).resolve().parents[2] / "deploy" / "alarms.yml"
TOKEN = re.compile(r'\s*(\[\w+\]|"[^"]*"|\d+\.?\d*|=~|!~|!=|==|>=|<=|[A-Za-z_]\w*|[-+*/(){},=<>])')
COMPARE = {">": operator.gt, "<": operator.lt, "==": operator.eq}
COMPUTE: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else float("nan"),
}

type Labels = frozenset[tuple[str, str]]
type Vector = dict[Labels, float]


def alarms() -> dict[str, str]:
    """Each alarm with its expression."""
    (group,) = yaml.safe_load(FILE.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


class Scrape:
    """Metrics of all processes at one time, with Prometheus' label `instance`."""

    def __init__(self, pages: dict[str, str]) -> None:
        self.known: set[str] = set()
        self.samples: dict[str, Vector] = {}
        for instance, page in pages.items():
            for family in text_string_to_metric_families(page):
                endings = ("", "_total", "_bucket", "_count", "_sum", "_info")
                self.known |= {family.name + ending for ending in endings}
                for sample in family.samples:
                    labels = frozenset({**sample.labels, "instance": instance}.items())
                    self.samples.setdefault(sample.name, {})[labels] = sample.value


@dataclass
class Evaluator:
    before: Scrape
    after: Scrape
    seconds: float
    """Between the two."""

    def value(self, expression: str) -> Vector | float:
        """Evaluate an expression; an alarm whose vector is not empty is on."""
        self._tokens = TOKEN.findall(expression)
        assert "".join(self._tokens) == re.sub(r"\s", "", expression), expression
        found: Vector | float = self._and()
        assert not self._tokens, self._tokens
        return found

    # --- by precedence --------------------------------------------------------------------

    def _and(self) -> Any:
        left = self._comparison()
        while self._take("and"):
            right = self._comparison()
            left = left if right else {}
        return left

    def _comparison(self) -> Any:
        left = self._sum()
        for sign, compare in COMPARE.items():
            if self._take(sign):
                return _join(left, self._sum(), compare, keep=True)
        return left

    def _sum(self) -> Any:
        left = self._product()
        while self._take("+"):
            left = _join(left, self._product(), COMPUTE["+"])
        return left

    def _product(self) -> Any:
        left = self._atom()
        while self._tokens and self._tokens[0] in "*/":
            sign = self._tokens.pop(0)
            left = _join(left, self._atom(), COMPUTE[sign])
        return left

    def _atom(self) -> Any:
        word = self._tokens.pop(0)
        if word == "(":
            inner = self._and()
            self._expect(")")
            return inner
        if word[0].isdigit():
            return float(word)
        if word in {"sum", "max"}:
            by = self._names() if self._take("by") else []
            self._expect("(")
            inner = self._and()
            self._expect(")")
            return _group(inner, by, sum if word == "sum" else max)
        if word in {"rate", "increase"}:
            self._expect("(")
            name, matchers = self._tokens.pop(0), self._matchers()
            self._tokens.pop(0)  # the range
            self._expect(")")
            return self._grown(name, matchers, self.seconds if word == "rate" else 1)
        if word == "histogram_quantile":
            self._expect("(")
            share = float(self._tokens.pop(0))
            self._expect(",")
            inner = self._and()
            self._expect(")")
            return _quantile(share, inner)
        return self._select(self.after, word, self._matchers())

    # --- pieces ---------------------------------------------------------------------------

    def _take(self, word: str) -> bool:
        if self._tokens[:1] == [word]:
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        assert self._take(word), f"{word} is missing before {self._tokens}"

    def _names(self) -> list[str]:
        self._expect("(")
        names = []
        while not self._take(")"):
            names.append(self._tokens.pop(0))
            self._take(",")
        return names

    def _matchers(self) -> list[tuple[str, str, str]]:
        found = []
        if self._take("{"):
            while not self._take("}"):
                name, sign, value = (self._tokens.pop(0) for _ in range(3))
                found.append((name, sign, value.strip('"')))
                self._take(",")
        return found

    def _select(self, scrape: Scrape, name: str, matchers: list[tuple[str, str, str]]) -> Vector:
        assert name in scrape.known, f"no process tells {name}"
        return {
            labels: value
            for labels, value in scrape.samples.get(name, {}).items()
            if all(_matches(dict(labels), *one) for one in matchers)
        }

    def _grown(self, name: str, matchers: Any, seconds: float) -> Vector:
        before = self._select(self.before, name, matchers)
        after = self._select(self.after, name, matchers)
        return {
            labels: (value - before.get(labels, 0)) / seconds for labels, value in after.items()
        }


def _matches(labels: dict[str, str], name: str, sign: str, value: str) -> bool:
    assert name in labels, f"no label {name} in {labels}"
    same = bool(re.fullmatch(value, labels[name])) if "~" in sign else labels[name] == value
    return same is not sign.startswith("!")


def _join(left: Any, right: Any, work: Any, *, keep: bool = False) -> Any:
    """Both sides by equal labels; `keep` is a comparison, which lets pass what it holds for."""
    if isinstance(left, float):
        assert isinstance(right, dict), "two numbers say nothing of a process"
        return {labels: work(left, value) for labels, value in right.items()}
    pairs = {
        labels: (value, right if isinstance(right, float) else right[labels])
        for labels, value in left.items()
        if isinstance(right, float) or labels in right
    }
    if keep:
        return {labels: pair[0] for labels, pair in pairs.items() if work(*pair)}
    return {labels: work(*pair) for labels, pair in pairs.items()}


def _group(vector: Vector, by: list[str], work: Callable[[Iterable[float]], float]) -> Vector:
    groups: dict[Labels, list[float]] = {}
    for labels, value in vector.items():
        assert set(by) <= set(dict(labels)), f"no labels {by} in {dict(labels)}"
        groups.setdefault(frozenset((n, v) for n, v in labels if n in by), []).append(value)
    return {labels: work(values) for labels, values in groups.items()}


def _quantile(share: float, vector: Vector) -> Vector:
    series: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in vector.items():
        rest = frozenset(one for one in labels if one[0] != "le")
        series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
    found = {}
    for labels, buckets in series.items():
        buckets.sort()
        total = buckets[-1][1]
        if total > 0:
            bounds = [bound for bound, count in buckets if count >= share * total]
            finite = [bound for bound, _ in buckets if bound != float("inf")]
            found[labels] = min(bounds[0], finite[-1])
    return found
