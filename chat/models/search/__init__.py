"""Search of messages: terms, query, excerpts, and filling of the index."""
