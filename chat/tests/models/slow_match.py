"""Statements that make each look into Postgres' search index take a minute."""

SLOW_MATCH = (
    "CREATE SCHEMA slow",
    "CREATE FUNCTION slow.matches(tsvector, tsquery) RETURNS boolean LANGUAGE plpgsql"
    " AS 'BEGIN PERFORM pg_sleep(60); RETURN true; END'",
    "CREATE OPERATOR slow.@@ (LEFTARG = tsvector, RIGHTARG = tsquery, FUNCTION = slow.matches)",
)
