"""Every page, and who gets in there: the table that the tests of pages walk.

The routes of the APIs have one of their own, `api/routes.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.models import Group
from django.urls import URLPattern, URLResolver

from chat.models import Conversation, Endpoint, OfferedModel, Token

LOGIN = "302 login"
CONFIRM = "302 reauthenticate"

# What GET answers to: nobody, a stranger, the owner, staff who may read transcripts, an
# administrator. 302 to the log-in page is written LOGIN, a question for the password CONFIRM.
PUBLIC = (200, 200, 200, 200, 200)
ENTRANCE = (200, 302, 302, 302, 302)
ACCOUNT = (LOGIN, 200, 200, 200, 200)
PROTECTED = (LOGIN, CONFIRM, CONFIRM, CONFIRM, CONFIRM)
NO_FACTOR = (LOGIN, 404, 404, 404, 404)
NOWHERE = (404, 404, 404, 404, 404)
OWN = (LOGIN, 404, 200, 404, 404)
# A stranger who is logged in gets 403 from the admin's log-in, to which it sends him.
STAFF = (LOGIN, 403, 403, 200, 200)
ADMINISTRATOR = (LOGIN, 403, 403, 403, 200)
ADMIN_BUTTON = (LOGIN, 403, 403, 403, 405)  # it takes POST
ADMIN_NOWHERE = (LOGIN, 403, 403, 404, 404)

RULES = {
    "": ACCOUNT,
    "c/<uuid:uid>": OWN,
    "check/": STAFF,
    "check/seen": STAFF,
    "check/stream": STAFF,
    "diagram/": PUBLIC,
    "manifest.webmanifest": PUBLIC,
    "service-worker.js": PUBLIC,
    "offline/": PUBLIC,
    "start/<str:code>": NOWHERE,
    "api/v1/": NOWHERE,
    "api/v1/docs": ACCOUNT,
    "v1/<path:path>": NOWHERE,
    "v1/": NOWHERE,
    "accounts/": (302, 302, 302, 302, 302),
    "accounts/login/": ENTRANCE,
    "accounts/logout/": (302, 200, 200, 200, 200),
    "accounts/inactive/": PUBLIC,
    "accounts/signup/": ENTRANCE,
    "accounts/reauthenticate/": ACCOUNT,
    "accounts/email/": NOWHERE,
    "accounts/confirm-email/": NOWHERE,
    "accounts/confirm-email/<path:rest>": NOWHERE,
    "accounts/^confirm-email/(?P<key>[-:\\w]+)/$": NOWHERE,
    "accounts/login/code/confirm/": (302, 302, 302, 302, 302),
    "accounts/password/change/": ACCOUNT,
    "accounts/password/set/": (LOGIN, 302, 302, 302, 302),
    "accounts/password/reset/": NOWHERE,
    "accounts/password/reset/<path:rest>": NOWHERE,
    "accounts/password/reset/done/": NOWHERE,
    "accounts/password/reset/key/done/": NOWHERE,
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": NOWHERE,
    "accounts/sessions/": ACCOUNT,
    "accounts/preferences/": ACCOUNT,
    "accounts/profile/": ACCOUNT,
    "accounts/defaults/": ACCOUNT,
    "accounts/usage/": ACCOUNT,
    "accounts/language/": (405, 405, 405, 405, 405),  # it takes POST
    "accounts/tokens/": ACCOUNT,
    "accounts/tokens/new/": PROTECTED,
    "accounts/tokens/<uuid:uid>/revoke/": OWN,
    "accounts/2fa/": ACCOUNT,
    "accounts/2fa/authenticate/": (302, 302, 302, 302, 302),
    "accounts/2fa/reauthenticate/": (LOGIN, 302, 302, 302, 302),
    "accounts/2fa/totp/activate/": PROTECTED,
    "accounts/2fa/totp/deactivate/": NO_FACTOR,
    "accounts/2fa/recovery-codes/": NO_FACTOR,
    "accounts/2fa/recovery-codes/generate/": PROTECTED,
    "accounts/2fa/recovery-codes/download/": NO_FACTOR,
    "admin/": STAFF,
    "admin/login/": (LOGIN, 403, 403, 302, 302),
    "admin/logout/": (302, 302, 302, 405, 405),
    "admin/password_change/": (LOGIN, 403, 403, 302, 302),  # to the page with a limit
    "admin/password_change/done/": STAFF,
    "admin/autocomplete/": (*ADMINISTRATOR[:4], 403),
    "admin/jsi18n/": STAFF,
    "admin/r/<path:content_type_id>/<path:object_id>/": ADMIN_NOWHERE,
    "admin/^(?P<app_label>auth|chat)/$": STAFF,
    "admin/(?P<url>.*)$": ADMIN_NOWHERE,
    "admin/chat/conversation/": STAFF,
    "admin/chat/conversation/<int:pk>/change/": STAFF,
    "admin/chat/conversation/<int:pk>/transcript.json": STAFF,
    "admin/chat/endpoint/": ADMINISTRATOR,
    "admin/chat/endpoint/add/": ADMINISTRATOR,
    "admin/chat/endpoint/<int:pk>/test/": ADMIN_BUTTON,
    "admin/chat/endpoint/<int:pk>/fetch/": ADMIN_BUTTON,
    "admin/chat/endpoint/environment/<slug:name>/test/": (LOGIN, 403, 403, 403, 404),
    "admin/chat/endpoint/<path:object_id>/": (LOGIN, 403, 403, 302, 302),
    "admin/chat/endpoint/<path:object_id>/change/": ADMINISTRATOR,
    "admin/chat/endpoint/<path:object_id>/delete/": ADMINISTRATOR,
    "admin/chat/endpoint/<path:object_id>/history/": ADMINISTRATOR,
    "admin/chat/offeredmodel/": ADMINISTRATOR,
    "admin/chat/offeredmodel/add/": ADMINISTRATOR,
    "admin/chat/offeredmodel/<path:object_id>/": (LOGIN, 403, 403, 302, 302),
    "admin/chat/offeredmodel/<path:object_id>/change/": ADMINISTRATOR,
    "admin/chat/offeredmodel/<path:object_id>/delete/": ADMINISTRATOR,
    "admin/chat/offeredmodel/<path:object_id>/history/": ADMINISTRATOR,
    "admin/chat/token/": ADMINISTRATOR,
    "admin/chat/token/add/": (LOGIN, 403, 403, 403, 403),
    "admin/chat/token/<path:object_id>/": (LOGIN, 403, 403, 302, 302),
    "admin/chat/token/<path:object_id>/change/": ADMINISTRATOR,
    "admin/chat/token/<path:object_id>/delete/": (LOGIN, 403, 403, 403, 403),
    "admin/chat/token/<path:object_id>/history/": ADMINISTRATOR,
    "admin/auth/group/": ADMINISTRATOR,
    "admin/auth/group/add/": ADMINISTRATOR,
    "admin/auth/group/<path:object_id>/": (LOGIN, 403, 403, 302, 302),
    "admin/auth/group/<path:object_id>/change/": ADMINISTRATOR,
    "admin/auth/group/<path:object_id>/delete/": ADMINISTRATOR,
    "admin/auth/group/<path:object_id>/history/": ADMINISTRATOR,
    "admin/auth/user/": ADMINISTRATOR,
    "admin/auth/user/add/": ADMINISTRATOR,
    "admin/auth/user/<id>/password/": ADMINISTRATOR,
    "admin/auth/user/<path:object_id>/": (LOGIN, 403, 403, 302, 302),
    "admin/auth/user/<path:object_id>/change/": ADMINISTRATOR,
    "admin/auth/user/<path:object_id>/delete/": (LOGIN, 403, 403, 403, 403),  # has conversations
    "admin/auth/user/<path:object_id>/history/": ADMINISTRATOR,
}

# How a route is asked for where the rule needs more than its own text.
ADDRESSES = {
    "start/<str:code>": f"start/{'0' * 64}",
    "c/<uuid:uid>": "c/{uid}",
    "v1/<path:path>": "v1/embeddings",
    "accounts/tokens/<uuid:uid>/revoke/": "accounts/tokens/{token}/revoke/",
    "accounts/confirm-email/<path:rest>": "accounts/confirm-email/abc/",
    "accounts/^confirm-email/(?P<key>[-:\\w]+)/$": "accounts/confirm-email/a:b/",
    "accounts/password/reset/<path:rest>": "accounts/password/reset/x",
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": (
        "accounts/password/reset/key/1-abc/"
    ),
    "admin/r/<path:content_type_id>/<path:object_id>/": "admin/r/99/1/",
    "admin/^(?P<app_label>auth|chat)/$": "admin/chat/",
    "admin/(?P<url>.*)$": "admin/nowhere/",
    "admin/chat/endpoint/environment/<slug:name>/test/": "admin/chat/endpoint/environment/x/test/",
    "admin/chat/conversation/<int:pk>/change/": "admin/chat/conversation/{pk}/change/",
    "admin/chat/conversation/<int:pk>/transcript.json": (
        "admin/chat/conversation/{pk}/transcript.json"
    ),
}

PEOPLE = ("nobody", "bob", "alice", "carol", "root")


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


def addresses_of(conversation: Conversation) -> dict[str, str]:
    """Addresses of all routes: for this conversation, its owner's account, a group, ..."""
    group, _ = Group.objects.get_or_create(name="readers")
    endpoint, _ = Endpoint.objects.get_or_create(
        slug="own", label="Our own", base_url="http://127.0.0.1:9/v1"
    )
    token = conversation.owner.tokens.first()
    if token is None:
        token, _ = Token.objects.make(conversation.owner, "Script", ["read"], None)
    model, _ = OfferedModel.objects.get_or_create(endpoint=endpoint, name="m")
    rows = {
        "admin/chat/endpoint/": endpoint.pk,
        "admin/chat/offeredmodel/": model.pk,
        "admin/chat/token/": token.pk,
        "admin/auth/group/": group.pk,
        "": conversation.owner_id,
    }
    found = {}
    for route in RULES:
        address = ADDRESSES.get(route, route)
        row = str(next(pk for start, pk in rows.items() if route.startswith(start)))
        address = address.replace("{uid}", str(conversation.uid))
        address = address.replace("{token}", str(token.uid))
        address = address.replace("{pk}", str(conversation.pk))
        for parameter in ("<path:object_id>", "<int:pk>", "<id>"):
            address = address.replace(parameter, row)
        assert "<" not in address
        found[route] = f"/{address}"
    return found
