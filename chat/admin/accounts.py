"""Accounts and groups in the admin: made, deactivated and helped by staff."""

from __future__ import annotations

from typing import Any

# The three modules register models that are taken out below; this one is loaded before them.
import allauth.account.admin
import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.admin.account_forms import AccountForm, NewAccountForm, PasswordOfAccountForm
from chat.admin.guard import GuardedAdmin
from chat.admin.rights import may_touch, touchable
from chat.models import Token
from chat.staff_sessions import end_sessions

# Their rows belong to their users, who have pages of their own for them; Authenticator's even
# shows the secret of the second factor.
for model in (EmailAddress, Authenticator, UserSession):
    admin.site.unregister(model)
admin.site.unregister(User)
admin.site.unregister(Group)
if not settings.SQLITE:
    # Jobs are wake-ups; a change of one here would change nothing.
    import procrastinate.contrib.django.admin  # noqa: F401
    from procrastinate.contrib.django.models import ProcrastinateJob

    admin.site.unregister(ProcrastinateJob)

FIELDS_OF_STAFF = (
    (None, {"fields": ("username", "email", "first_name", "last_name", "is_active")}),
    (_("Important dates"), {"fields": ("last_login", "date_joined")}),
)


@admin.register(User)
class AccountAdmin(GuardedAdmin, UserAdmin):  # type: ignore[type-arg]
    """Django's own, except that only superusers give rights and ways in.

    Staff with the permissions make ordinary accounts, correct their names and deactivate them.
    Everything that lets one in as another (password, e-mail address, user name, second factor,
    activation, deletion, which frees the name) is for superusers, and so is every account that is
    staff, is a superuser or has a permission the actor lacks.

    An account with conversations is deactivated, not deleted: deleting would take them with it.
    """

    form = AccountForm
    add_form = NewAccountForm
    change_password_form = PasswordOfAccountForm
    change_user_password_template = "admin/chat/account/change_password.html"  # noqa: S105
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("username", "email", "usable_password", "password1", "password2"),
            },
        ),
    )
    list_display = ("username", "email", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    show_full_result_count = False
    actions = ("deactivate", "remove_second_factor")
    password_again = True

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is not None and not request.user.is_superuser:
            return FIELDS_OF_STAFF
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None or request.user.is_superuser:
            return super().get_readonly_fields(request, obj)
        closed = ["username", "email", "last_login", "date_joined"]
        return closed if obj.is_active else [*closed, "is_active"]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and not may_touch(request.user, obj):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if not request.user.is_superuser:
            return False
        if obj is not None and obj.conversations.exists():
            return False
        return super().has_delete_permission(request, obj)

    def has_rights_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        if not request.user.is_superuser:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        raised = {"is_staff", "is_superuser"} & set(form.changed_data) if change else set()
        super().save_model(request, obj, form, change)
        if any(getattr(obj, flag) for flag in raised):
            # The log-ins they have are those of an ordinary account, which last longer.
            end_sessions([obj])

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

    @admin.action(description=_("Deactivate the selected users"), permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Log them out and let them in no more; their conversations stay."""
        chosen = touchable(request.user, queryset).exclude(username=request.user.get_username())
        changed = []
        for user in chosen.filter(is_active=True):
            user.is_active = False
            user.save(update_fields=["is_active"])
            changed.append(user)
        LogEntry.objects.log_actions(request.user.pk, changed, CHANGE, "Deactivated.")  # type: ignore[arg-type]
        self.message_user(
            request,
            gettext("Users deactivated: {count}.").format(count=len(changed)),
            messages.SUCCESS,
        )

    @admin.action(
        description=_("Remove the second factor of the selected users"), permissions=["rights"]
    )
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Remove second factors, for people who have lost phone and recovery codes."""
        removed = Authenticator.objects.filter(user__in=queryset)
        helped = list(User.objects.filter(pk__in=removed.values("user")))
        removed.delete()
        LogEntry.objects.log_actions(request.user.pk, helped, CHANGE, "Removed the second factor.")  # type: ignore[arg-type]
        self.message_user(
            request,
            gettext("Second factors removed: {count}.").format(count=len(helped)),
            messages.SUCCESS,
        )


@admin.register(Group)
class RightsAdmin(GuardedAdmin, GroupAdmin):
    """Groups, which give permissions: shown to permitted staff, changed by superusers."""

    password_again = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return request.user.is_superuser and super().has_delete_permission(request, obj)


def own_password(request: HttpRequest, extra_context: Any = None) -> HttpResponse:
    """In place of the admin's page, which knows no limit on wrong passwords."""
    return redirect("account_change_password")
