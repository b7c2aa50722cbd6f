"""Reads of several rows: paths, pages, whole trees, missed changes."""
