"""Tests with several processes on one Postgres and one Valkey, and with faults in any of them."""
