"""The admin: accounts, endpoints and their models, API tokens, and conversations to be read."""

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from chat.admin import (  # noqa: F401  they register themselves
    accounts,
    conversations,
    endpoints,
    offers,
    tokens,
)
from chat.admin.marked_pages import marks_pages

guarded = admin.site.admin_view


def guarded_and_marked(view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
    """Wrap a view with the admin's guard, and mark hidden characters in its texts."""
    return marks_pages(guarded(view, cacheable))


admin.site.admin_view = guarded_and_marked  # type: ignore[assignment, method-assign]
admin.site.site_header = "Parley"
admin.site.site_title = _("Parley admin")
admin.site.index_title = _("Administration")
admin.site.enable_nav_sidebar = False  # it takes the lists' width and has few entries
# One way in for everybody: with its limit on failed log-ins and its second factor.
admin.site.password_change = accounts.own_password  # type: ignore[assignment, method-assign]
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
