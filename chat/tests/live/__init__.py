"""Tests with a real server process on a real SQLite file, and a fake endpoint on a real socket."""
