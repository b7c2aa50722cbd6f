"""The OpenAI-compatible API under /v1/, for unmodified clients of OpenAI's.

addresses: odd forms of the base URL
calls: parser of calls, without I/O
errors: refusals and failures in OpenAI's shape
answers: builders of answers, without I/O
relay: a reply's frames for a client that cannot take anything back, without I/O
serving: one stored call, from its reply's frames to its answer
stored: calls that were kept: listed, fetched, described, deleted
views: the routes
"""
