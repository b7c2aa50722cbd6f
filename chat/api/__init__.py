"""The JSON API under /api/v1/."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import NinjaAPI

from chat.api import (
    account,
    branches,
    bulk,
    conversations,
    exports,
    feedback,
    folders,
    messages,
    pins,
    replies,
    search,
    usage,
)
from chat.api.answers import answer
from chat.api.auth import Access
from chat.api.bodies import JsonParser
from chat.api.document import document
from chat.api.problems import handle

api = NinjaAPI(title="Parley", version="1", docs_url=None, openapi_url=None, parser=JsonParser())
handle(api)
for module in (
    account,
    usage,
    bulk,
    conversations,
    branches,
    pins,
    folders,
    exports,
    messages,
    replies,
    search,
    feedback,
):
    api.add_router("", module.router)


@api.get("/openapi.json", auth=Access(), include_in_schema=False)
def openapi(request: HttpRequest) -> HttpResponse:
    """This API as an OpenAPI document."""
    return answer(document(api, reverse("api-1:api-root")))
