"""The base of every admin here: no filters over secrets, and the password once more."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern

from chat.password_again import ask, is_confirmed

LOOKUPS = {"", "exact", "isnull", "in", "gt", "gte", "lt", "lte", "id__exact", "pk__exact"}
"""Lookups of the admin's own filters."""


class GuardedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin whose lists are narrowed by their filters alone.

    Django lets an address filter by any field of the model, `?digest__startswith=` too, and so
    reads a secret out character by character.
    """

    password_again = False
    """True if its pages ask for the password when it was not given lately."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        name, _, rest = lookup.partition("__")
        for one in self.get_list_filter(request):
            if isinstance(one, type):
                if lookup == getattr(one, "parameter_name", None):
                    return True
                continue
            field = str(one[0]) if isinstance(one, (tuple, list)) else str(one)
            if lookup == field or (
                lookup.startswith(f"{field}__") and lookup[len(field) + 2 :] in LOOKUPS
            ):
                return True
        if name == "pk":
            return rest in LOOKUPS
        try:
            self.model._meta.get_field(name)
        except FieldDoesNotExist:
            return True  # Django ignores it, and says so
        return False

    @property
    def urls(self) -> list[URLPattern]:
        found: list[URLPattern] = self.get_urls()
        if self.password_again:
            for pattern in found:
                pattern.callback = self._asks(pattern.callback)
        return found

    def _asks(self, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def asking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            # The view refuses people who may not come in at all.
            if (
                self.admin_site.has_permission(request)
                and (
                    self.has_view_or_change_permission(request) or self.has_add_permission(request)
                )
                and not is_confirmed(request)
            ):
                return ask(request)
            return view(request, *args, **kwargs)

        return asking
