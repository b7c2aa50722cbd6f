"""The list of models that the fake endpoint answers with, as it was told to."""

from __future__ import annotations

from typing import Any

from fake_endpoint.scenarios import HANG, Script, head, json_reply, whole


class Listing:
    """One answer for each path, and one for all other paths."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._wanted: dict[str, dict[str, Any]] = {}

    def want(self, wanted: dict[str, Any] | None) -> None:
        """Answer so from now on, at the path `at` or anywhere; None forgets all that was wanted."""
        if wanted is None:
            self._wanted.clear()
        else:
            self._wanted[wanted.get("at", "")] = wanted

    def answer(self, path: str) -> Script:
        """The answer at this path."""
        wanted = self._wanted.get(path) or self._wanted.get("") or {}
        status = int(wanted.get("status", 200))
        if wanted.get("hang"):
            return iter([head("application/json", framing="Content-Length: 100"), HANG])
        if "page" in wanted:
            return whole(str(wanted["page"]).encode(), "text/html", status)
        if "body" in wanted:
            return json_reply(wanted["body"], status)
        return json_reply(self._shaped(wanted), status)

    def _shaped(self, wanted: dict[str, Any]) -> Any:
        names = wanted.get("ids", self._names)
        match wanted.get("shape", "data"):
            case "models":
                return {"models": [{"name": name, "model": name} for name in names]}
            case "list":
                return [{"id": name} for name in names]
            case "names":
                return list(names)
        rows = [{"id": name, "object": "model", "owned_by": "bench"} for name in names]
        return {"object": "list", "data": rows}
