"""The OpenAI-compatible API under /v1/: what an unmodified client of OpenAI's sends, works.

calls: what a client asks, read without I/O
errors: what is refused or went wrong, in OpenAI's shape
answers: what a client is answered, built without I/O
relay: a reply's frames for a client that cannot take anything back, without I/O
serving: one stored call, from its reply's frames to its answer
views: the routes
"""
