"""Conversations in the admin: to be found and read. Nothing here writes to one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from chat.admin.transcripts import transcript
from chat.models import Conversation, catalogue


class ModelFilter(admin.SimpleListFilter):
    """By model: those offered now, without a scan of the table for all there ever were."""

    title = "model"
    parameter_name = "model"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [(offer.id, offer.label) for offer in catalogue().offers] + [
            ("other", "No longer offered")
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Conversation]
    ) -> QuerySet[Conversation]:
        chosen = self.value()
        if chosen is None:
            return queryset
        if chosen == "other":
            return queryset.exclude(model__in=[offer.id for offer in catalogue().offers])
        return queryset.filter(model=chosen)


@admin.register(Conversation)
class ConversationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("title", "owner", "model", "message_count", "running", "updated")
    list_filter = (ModelFilter, "running", "owner__is_active", "updated")
    list_select_related = ("owner",)
    list_per_page = 50
    ordering = ("-updated", "-id")
    sortable_by = ("updated",)
    search_fields = ("title", "owner__username")
    search_help_text = "Search in titles and owners"
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = None

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
