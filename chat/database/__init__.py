"""The database beside its rows: threads, limits of waiting, faults, and the SQLite file."""
