"""An OpenAI-compatible endpoint that streams and misbehaves on demand, for tests and measurements.

It needs nothing but Python's standard library. `docs/fake-endpoint.md` is its manual.
"""

from fake_endpoint.scenarios import SHORT, expected_text, parse_model
from fake_endpoint.server import SCENARIOS, FakeEndpoint, Request

__all__ = ["SCENARIOS", "SHORT", "FakeEndpoint", "Request", "expected_text", "parse_model"]
