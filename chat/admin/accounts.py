"""Accounts in the admin: made, deactivated and helped by staff."""

from __future__ import annotations

from typing import Any

# The three modules register what is taken out again below; this one is loaded before them.
import allauth.account.admin
import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from chat.models import Token

# Their rows belong to their users, who have pages of their own for them; Authenticator's even
# shows the secret of the second factor.
for model in (EmailAddress, Authenticator, UserSession):
    admin.site.unregister(model)
admin.site.unregister(User)
if not settings.SQLITE:
    # Jobs are wake-ups; whoever changed one here would change nothing.
    import procrastinate.contrib.django.admin  # noqa: F401
    from procrastinate.contrib.django.models import ProcrastinateJob

    admin.site.unregister(ProcrastinateJob)


@admin.register(User)
class AccountAdmin(UserAdmin):  # type: ignore[type-arg]
    """Django's own, except that staff cannot make themselves, or reach into, superusers.

    An account with conversations is deactivated, not deleted: deleting would take them with it.
    """

    list_display = ("username", "email", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    show_full_result_count = False
    actions = ("remove_second_factor",)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = tuple(super().get_readonly_fields(request, obj))
        if request.user.is_superuser:
            return fields
        return (*fields, "is_staff", "is_superuser", "groups", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None:
            if obj.is_superuser and not request.user.is_superuser:
                return False
            if obj.conversations.exists():
                return False
        return super().has_delete_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        shown, counts, needed, protected = super().get_deleted_objects(objs, request)
        # Nobody deletes a token by itself; with its user it goes.
        return shown, counts, needed - {Token._meta.verbose_name}, protected

    def get_actions(
        self,
        request: HttpRequest,
        action_location: admin.ActionLocation = admin.ActionLocation.CHANGE_LIST,
    ) -> Any:
        actions = super().get_actions(request, action_location)
        actions.pop("delete_selected", None)  # asks for no account in particular
        return actions

    @admin.action(
        description="Remove the second factor of the selected users", permissions=["change"]
    )
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For who has lost phone and recovery codes."""
        if not request.user.is_superuser:
            queryset = queryset.filter(is_superuser=False)
        removed = Authenticator.objects.filter(user__in=queryset)
        helped = removed.values("user").distinct().count()
        removed.delete()
        self.message_user(request, f"Removed from {helped} of them.", messages.SUCCESS)
