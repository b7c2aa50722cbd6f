"""API tokens in the admin: list and revocation."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from chat.admin.guard import GuardedAdmin
from chat.admin.rights import may_touch, touchable
from chat.models import Token


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        over = gettext("Revoked, expired, or of an inactive user")
        return [("live", gettext("Valid")), ("over", over)]

    def queryset(self, request: HttpRequest, rows: QuerySet[Token]) -> QuerySet[Token]:
        live = Token.objects.live().values("pk")
        if self.value() == "live":
            return rows.filter(pk__in=live)
        return rows.exclude(pk__in=live) if self.value() == "over" else rows


@admin.register(Token)
class TokenAdmin(GuardedAdmin):
    """To be seen, without the hash; to be revoked; and how much at once it may ask for."""

    password_again = True
    readonly_fields = (
        "user", "name", "ends_in", "may", "created", "expires", "last_used", "revoked"
    )  # fmt: skip
    fields = (*readonly_fields, "running_limit", "queued_limit")
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

    @admin.display(
        description=pgettext_lazy("last characters of a token", "Ends in"), ordering="hint"
    )
    def ends_in(self, row: Token) -> str:
        return f"…{row.hint}"

    @admin.display(description=pgettext_lazy("rights of a token", "May"))
    def may(self, row: Token) -> str:
        return ", ".join(row.scopes)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, {"title": gettext("API tokens")} | (extra_context or {})
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        """Of its limits alone, and only of accounts whose tokens may be revoked, too."""
        allowed = obj is None or may_touch(request.user, obj.user)
        return allowed and self.has_revoke_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_token")

    @admin.action(description=_("Revoke the selected tokens"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, rows: QuerySet[Token]) -> None:
        """Revoke tokens; the next check of logins closes connections that use them."""
        accounts = touchable(request.user, User.objects.all())
        rows = rows.filter(user__in=accounts.values("pk"))
        ended = [row for row in rows if row.revoke()]
        LogEntry.objects.log_actions(request.user.pk, ended, CHANGE, "Revoked.")  # type: ignore[arg-type]
        said = ngettext("Revoked {count} token.", "Revoked {count} tokens.", len(ended))
        self.message_user(request, said.format(count=len(ended)), messages.SUCCESS)
