"""API tokens in the admin: who has which, and an end to one that should not be."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from chat.models import Token


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("live", "In force"), ("over", "Revoked, expired, or of an inactive user")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Token]) -> QuerySet[Token]:
        live = Token.objects.live().values("pk")
        if self.value() == "live":
            return rows.filter(pk__in=live)
        return rows.exclude(pk__in=live) if self.value() == "over" else rows


@admin.register(Token)
class TokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To be seen, without the hash; the only change there is, is to revoke one."""

    fields = ("user", "name", "ends_in", "may", "created", "expires", "last_used", "revoked")
    list_display = ("name", "user", "ends_in", "may", "created", "expires", "last_used", "revoked")
    list_filter = (StateFilter,)
    list_select_related = ("user",)
    list_per_page = 50
    ordering = ("-created", "-id")
    sortable_by = ("created", "last_used")
    search_fields = ("name", "user__username", "hint")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ("revoke",)

    @admin.display(description="Ends in", ordering="hint")
    def ends_in(self, row: Token) -> str:
        return f"…{row.hint}"

    @admin.display(description="May")
    def may(self, row: Token) -> str:
        return ", ".join(row.scopes)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "API tokens"} | (extra_context or {}))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_token")

    @admin.action(description="Revoke the selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, rows: QuerySet[Token]) -> None:
        """What is followed with one of them is cut off at the next check of logins."""
        if not request.user.is_superuser:
            rows = rows.filter(user__is_superuser=False)
        ended = [row for row in rows if row.revoke()]
        LogEntry.objects.log_actions(request.user.pk, ended, CHANGE, "Revoked.")  # type: ignore[arg-type]
        counted = "1 token" if len(ended) == 1 else f"{len(ended)} tokens"
        self.message_user(request, f"Revoked {counted}.", messages.SUCCESS)
