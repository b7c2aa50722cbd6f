"""Tests of the OpenAI-compatible API, from its parts to the clients people use."""
