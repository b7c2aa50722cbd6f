"""Conversations in the admin: to be found and read. Nothing here writes to one."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from chat.admin.filters import (
    ActivityFilter,
    ModelFilter,
    OwnerFilter,
    RepliesFilter,
    SourceFilter,
)
from chat.admin.guard import GuardedAdmin
from chat.admin.transcripts import calls_of, transcript
from chat.models import ApiCall, Conversation, Message, Source, Status
from chat.models.search.query import contains
from chat.templatetags.parley import moment

FEW = 2000
"""Up to so many matches of a search are looked up at once and then sorted."""


THUMBS = {1: gettext_noop("{count} up"), -1: gettext_noop("{count} down")}
BAD_ENDS = {
    Status.FAILED: gettext_noop("{count} failed"),
    Status.INTERRUPTED: gettext_noop("{count} cut off"),
}


class PageById(Paginator):  # type: ignore[type-arg]
    """Finds the rows of a page in the index alone before it reads them: deep pages stay fast."""

    def page(self, number: int | str) -> Page[Conversation]:
        page = super().page(number)
        found = cast("QuerySet[Conversation]", page.object_list)
        ids = list(found.values_list("pk", flat=True))
        rows = cast("QuerySet[Conversation]", self.object_list).filter(pk__in=ids)
        return Page(rows, page.number, self)


def _with_ends(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """The same, each with counts of its replies that failed or were cut off, and of thumbs."""
    ends = {f"replies_{end}": _count_of(status=end) for end in BAD_ENDS}
    thumbs = {f"thumbs_{thumb % 3}": _count_of(thumb=thumb) for thumb in THUMBS}
    return rows.annotate(**ends, **thumbs)


def _count_of(**wanted: Any) -> Subquery:
    replies = Message.objects.filter(conversation=OuterRef("pk"), **wanted).order_by()
    return Subquery(replies.values("conversation").annotate(count=Count("pk")).values("count"))


@admin.register(Conversation)
class ConversationAdmin(GuardedAdmin):
    list_display = (
        *("title", "owner", "model", "messages", "state", "last_activity", "origin", "thumbs"),
    )
    list_filter = (RepliesFilter, ActivityFilter, ModelFilter, OwnerFilter, SourceFilter)
    list_select_related = ("owner",)
    list_per_page = 50
    ordering = ("-updated", "-id")
    sortable_by = ("last_activity",)
    search_fields = ("title", "owner__username")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = None
    paginator = PageById

    @admin.display(description=_("Messages"))
    def messages(self, row: Conversation) -> int:
        return row.message_count

    @admin.display(description=_("Origin"))
    def origin(self, row: Conversation) -> str:
        return "API" if row.source else ""

    @admin.display(description=_("Replies"))
    def state(self, row: Conversation) -> str:
        counts = [(getattr(row, f"replies_{end}", 0), words) for end, words in BAD_ENDS.items()]
        counted = [gettext(words).format(count=count) for count, words in counts if count]
        return ", ".join([gettext("in progress"), *counted] if row.running else counted)

    @admin.display(description=_("Thumbs"))
    def thumbs(self, row: Conversation) -> str:
        counts = [
            (getattr(row, f"thumbs_{thumb % 3}", 0), words) for thumb, words in THUMBS.items()
        ]
        return ", ".join(gettext(words).format(count=count) for count, words in counts if count)

    @admin.display(description=_("Last activity (UTC)"), ordering="updated")
    def last_activity(self, row: Conversation) -> str:
        return moment(row.updated)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, {"title": gettext("Conversations")} | (extra_context or {})
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        """All but removed ones, and those that are not to be stored and end in a moment: a few."""
        unstored = ApiCall.objects.filter(chain="").values_list("reply__conversation", flat=True)
        passing = set(unstored)
        rows: QuerySet[Conversation] = super().get_queryset(request).filter(deleted_at=None)
        return _with_ends(rows.exclude(pk__in=passing) if passing else rows)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Conversation], search_term: str
    ) -> tuple[QuerySet[Conversation], bool]:
        """Conversations with every word in the title or the owner's name.

        Few matches are found by one scan in no order; with many, the newest come first in the
        index on last activity anyway.
        """
        for word in search_term.split()[:8]:
            owners = User.objects.filter(contains("username", word)).values("pk")
            queryset = queryset.filter(contains("title", word) | Q(owner__in=owners))
        if search_term:
            ids = list(queryset.order_by().values_list("pk", flat=True)[: FEW + 1])
            if len(ids) <= FEW:
                found: QuerySet[Conversation] = Conversation.objects.filter(pk__in=ids)
                queryset = (
                    _with_ends(found).select_related("owner").order_by(*queryset.query.order_by)
                )
        return queryset, False

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
        """Addresses for reading only: none adds, changes or deletes a conversation."""
        guarded = self.admin_site.admin_view
        return [
            path("", guarded(self.changelist_view), name="chat_conversation_changelist"),
            path("<int:pk>/change/", guarded(self.page), name="chat_conversation_change"),
            path("<int:pk>/transcript.json", guarded(self.data), name="chat_conversation_data"),
        ]

    def page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The transcript, read-only."""
        conversation = self.load(request, pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": conversation.title,
            "conversation": conversation,
            "transcript": self.transcript(request, conversation),
            "calls": calls_of(conversation),
        }
        return TemplateResponse(request, "admin/chat/conversation/transcript.html", context)

    def data(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The same as JSON, which the page requests again while a reply grows."""
        return JsonResponse(self.transcript(request, self.load(request, pk)))

    def transcript(self, request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
        """The requested page of it, and the address to read it again."""
        found = transcript(conversation, request.GET.get("page"))
        url = reverse("admin:chat_conversation_data", args=[conversation.pk])
        # While it is read nothing vanishes from it, though there may be one more page by now.
        return found | {"url": f"{url}?page={found['page']['number']}"}

    def load(self, request: HttpRequest, pk: int) -> Conversation:
        """The conversation, after the permission, so that a refusal says nothing about the row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows = Conversation.objects.filter(deleted_at=None).select_related("owner", "leaf")
            return rows.exclude(source=Source.PASSING).get(pk=pk)
        except (Conversation.DoesNotExist, OverflowError):
            raise Http404 from None
