"""The OpenAPI document, made of the routes themselves."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from chat.api.auth import Access
from chat.api.problems import CONTENT_TYPE
from chat.protocol.schemas import REFERENCE, schemas

ABOUT = """\
Everything that the page does, for programs.

Send `Authorization: Bearer <token>` with a token from your account page; a token has scopes, and
each route names those of which it needs one. A page of this site sends its session cookie instead,
which may do everything, and with `POST`, `PATCH` and `DELETE` its CSRF token in `X-CSRFToken`.

Errors are `application/problem+json`; go by their `code`. Somebody else's id is answered exactly
as an unknown one. Bodies are JSON in UTF-8."""


class Document(OpenAPISchema):
    """Ninja's document, with the scopes of each route, and problems for errors."""

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        details: dict[str, Any] = super().operation_details(operation)
        first, _, rest = operation.description.partition("\n\n")
        details |= {"operationId": operation.view_func.__name__.strip("_"), "summary": first}
        details.pop("description")
        if rest:
            details["description"] = rest
        return details

    def operation_security(self, operation: Operation) -> list[dict[str, list[str]]] | None:
        found = [auth for auth in operation.auth_callbacks if isinstance(auth, Access)]
        return [security for auth in found for security in auth.security]

    def responses(self, operation: Operation) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for status, model in operation.response_models.items():
            found[status] = {"description": HTTPStatus(status).phrase}
            if model is not None:
                (shape,) = model.model_fields["response"].metadata
                self.add_schema_definitions(schemas(shape))
                schema = {"$ref": REFERENCE.format(name=shape.__name__)}
                content_type = CONTENT_TYPE if status >= 400 else "application/json"
                found[status]["content"] = {content_type: {"schema": schema}}
        return found

    def get_components(self) -> dict[str, Any]:
        return {
            "schemas": dict(sorted(self.schemas.items())),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": settings.SESSION_COOKIE_NAME,
                },
            },
        }


@cache
def document(api: NinjaAPI, prefix: str) -> dict[str, Any]:
    """The document of this API, whose routes lie under `prefix`."""
    made = Document(api, prefix)
    made["info"]["description"] = ABOUT
    return dict(made)
