"""The JSON API under /api/v1/."""

from __future__ import annotations

from ninja import NinjaAPI

from chat.api import account, conversations, exports, messages, replies, usage
from chat.api.bodies import JsonParser
from chat.api.problems import handle

api = NinjaAPI(title="Parley", version="1", docs_url=None, openapi_url=None, parser=JsonParser())
handle(api)
for module in (account, usage, conversations, exports, messages, replies):
    api.add_router("", module.router)
