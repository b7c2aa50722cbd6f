"""The endpoint, and the client of the product that reads it."""

from chat.tests.upstream.conftest import connect, upstream  # noqa: F401  fixtures
