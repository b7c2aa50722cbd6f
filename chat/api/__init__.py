"""The JSON API under /api/v1/."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.security import django_auth

from chat.api import account, conversations
from chat.api.bodies import JsonParser
from chat.api.problems import handle, problem

api = NinjaAPI(
    title="Parley",
    version="1",
    auth=django_auth,
    docs_url=None,
    openapi_url=None,
    parser=JsonParser(),
)
handle(api)
for module in (account, conversations):
    api.add_router("", module.router)


@api.exception_handler(AuthenticationError)
def _not_logged_in(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(request, 401, "not_logged_in", "Log in first.")
