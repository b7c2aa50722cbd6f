"""Conversations in the admin: to be found and read. Nothing here writes to one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format

from chat.admin.transcripts import transcript
from chat.models import Conversation, catalogue


class ModelFilter(admin.SimpleListFilter):
    """By model: those offered now, without a scan of the table for all there ever were."""

    title = "model"
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        offered = [(offer.id, offer.label) for offer in catalogue().offers]
        return [*offered, ("other", "No longer offered")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Conversation]) -> Any:
        chosen = self.value()
        if chosen == "other":
            return rows.exclude(model__in=[offer.id for offer in catalogue().offers])
        return rows.filter(model=chosen) if chosen else rows


class RepliesFilter(admin.SimpleListFilter):
    title = "replies"
    parameter_name = "replies"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("running", "Being written"), ("ended", "All ended")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Conversation]) -> Any:
        chosen = self.value()
        return rows.filter(running=chosen == "running") if chosen else rows


class OwnerFilter(admin.SimpleListFilter):
    title = "owner"
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "Active account"), ("deactivated", "Deactivated account")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Conversation]) -> Any:
        chosen = self.value()
        return rows.filter(owner__is_active=chosen == "active") if chosen else rows


class ActivityFilter(admin.SimpleListFilter):
    title = "last activity"
    parameter_name = "activity"
    days: ClassVar = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*self.days.items(), ("older", "Longer ago")]

    def queryset(self, request: HttpRequest, rows: QuerySet[Conversation]) -> Any:
        chosen = self.value()
        if chosen in self.days:
            return rows.filter(updated__gte=timezone.now() - timedelta(days=int(chosen)))
        if chosen == "older":
            return rows.filter(updated__lt=timezone.now() - timedelta(days=30))
        return rows


@admin.register(Conversation)
class ConversationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("title", "owner", "model", "messages", "state", "last_activity")
    list_filter = (RepliesFilter, ActivityFilter, ModelFilter, OwnerFilter)
    list_select_related = ("owner",)
    list_per_page = 50
    ordering = ("-updated", "-id")
    sortable_by = ("last_activity",)
    search_fields = ("title", "owner__username")
    search_help_text = "Search in titles and owners"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = None

    @admin.display(description="Messages")
    def messages(self, row: Conversation) -> int:
        return row.message_count

    @admin.display(description="Replies")
    def state(self, row: Conversation) -> str:
        return "being written" if row.running else ""

    @admin.display(description="Last activity (UTC)", ordering="updated")
    def last_activity(self, row: Conversation) -> str:
        return date_format(row.updated, "j M Y, H:i")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "Conversations"} | (extra_context or {}))

    def has_view_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        if settings.TRANSCRIPT_ACCESS == "superusers" and not request.user.is_superuser:
            return False
        return super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Only what reads: there is no address at which one could be added, changed or deleted."""
        guarded = self.admin_site.admin_view
        return [
            path("", guarded(self.changelist_view), name="chat_conversation_changelist"),
            path("<int:pk>/change/", guarded(self.page), name="chat_conversation_change"),
            path("<int:pk>/transcript.json", guarded(self.data), name="chat_conversation_data"),
        ]

    def page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The transcript, read-only."""
        conversation = self.load(request, pk)
        url = reverse("admin:chat_conversation_data", args=[pk])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": conversation.title,
            "conversation": conversation,
            "transcript": transcript(conversation) | {"url": url},
        }
        return TemplateResponse(request, "admin/chat/conversation/transcript.html", context)

    def data(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The same as JSON, which the page asks for again while a reply grows."""
        url = reverse("admin:chat_conversation_data", args=[pk])
        return JsonResponse(transcript(self.load(request, pk)) | {"url": url})

    def load(self, request: HttpRequest, pk: int) -> Conversation:
        """The conversation, after the permission, so that a refusal tells nothing about the row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return Conversation.objects.select_related("owner", "leaf").get(pk=pk)
        except (Conversation.DoesNotExist, OverflowError):
            raise Http404 from None
