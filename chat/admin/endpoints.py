"""Endpoints in the admin: set up, tried out, and asked for their models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from chat import endpoint_probe
from chat.admin.endpoint_form import EndpointForm
from chat.admin.guard import GuardedAdmin
from chat.admin.rows import RowForm
from chat.endpoint import OPTIONS
from chat.languages import translated
from chat.models import Endpoint, FoundModels, OfferedModel, environment_endpoints
from chat.models.endpoints import chosen_options
from chat.sentence import Sentence

SECRETS: dict[str, str] = {"key": "key_state", "headers": "header_names"}
"""Fields shown in place of secrets to staff who may look and not change."""


@admin.register(Endpoint)
class EndpointAdmin(GuardedAdmin):
    form = EndpointForm
    password_again = True
    list_display = (
        "label", "slug", "base_url", "key", "offered", "enabled", "position", "remark"
    )  # fmt: skip
    list_editable = ("enabled", "position")
    sortable_by = ()
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("slug", "label", "base_url", "key", "remove_key", "enabled")}),
        (
            pgettext_lazy("fields", "More"),
            {
                "classes": ("collapse",),
                "fields": ("headers", *OPTIONS, "position"),
            },
        ),
    )  # fmt: skip

    # --- the list -------------------------------------------------------------------------

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, form=RowForm, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        rows: QuerySet[Endpoint] = super().get_queryset(request)
        on = Count("models", Q(models__enabled=True))
        return rows.annotate(all_models=Count("models"), on=on)

    @admin.display(description=_("Key"))
    def key(self, row: Endpoint) -> str:
        return row.key_state()

    @admin.display(description=_("Models on"))
    def offered(self, row: Endpoint) -> str:
        said = gettext("{on} of {all}")
        return said.format(on=row.on, all=row.all_models)  # type: ignore[attr-defined]

    @admin.display(description=_("Remark"), empty_value="")
    def remark(self, row: Endpoint) -> str:
        if row.slug in environment_endpoints().endpoints:
            return gettext("Not used: the environment sets an endpoint with this name.")
        if not row.has_key and (problem := row.problem()):
            said = gettext("The headers cannot be read: {problem}")
            return said.format(problem=translated(problem))
        return ""

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = environment_endpoints()
        rows = [
            {
                "endpoint": endpoint,
                "options": chosen_options(endpoint),
                "models": [offer.name for offer in found.offers if offer.endpoint == name],
            }
            for name, endpoint in found.endpoints.items()
        ]
        extra = {
            "title": gettext("Endpoints"),
            "environment": rows,
            "may_test": self.has_change_permission(request),
        }
        return super().changelist_view(request, extra | (extra_context or {}))

    # --- the form -------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Endpoint | None = None) -> Any:
        hidden = set() if obj is not None and obj.has_key else {"remove_key"}
        shown: dict[str, str] = {}
        if obj is not None and not self.has_change_permission(request, obj):
            hidden, shown = {"remove_key"}, SECRETS
        found = []
        for title, options in super().get_fieldsets(request, obj):
            names = [name for name in options["fields"] if name not in hidden]
            found.append(
                (title, {**options, "fields": [shown.get(str(name), name) for name in names]})
            )
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Endpoint | None = None) -> Any:
        return ("slug",) if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        if isinstance(form, EndpointForm):  # the list's form has only its editable fields
            form.change_secrets()
        super().save_model(request, obj, form, change)
        if not isinstance(form, EndpointForm):
            return
        if gone := dropped(form):
            moved = "base_url" in form.changed_data
            if moved:
                said = gettext(
                    "Removed, because it belonged to the earlier address: {names}. Enter again "
                    "those still needed."
                )
            else:
                said = gettext(
                    "Removed, because it could not be read: {names}. Enter again those still "
                    "needed."
                )
            names = ", ".join(translated(one) for one in gone)
            self.message_user(request, said.format(names=names), messages.WARNING)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        found = super().construct_change_message(request, form, formsets, add)
        if isinstance(form, EndpointForm) and (gone := dropped(form)):
            found.append({"changed": {"fields": [f"{secret} (removed)" for secret in gone]}})
        return found

    def response_add(
        self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        """To its page: there its models are fetched, without which it offers nothing."""
        elsewhere = "_save" not in request.POST or IS_POPUP_VAR in request.POST
        if elsewhere or not self.has_change_permission(request, obj):
            return super().response_add(request, obj, post_url_continue)
        said = gettext("“{name}” was added. Fetch its models, or add them by name.")
        self.message_user(request, said.format(name=obj), messages.SUCCESS)
        return HttpResponseRedirect(page_of(obj))

    # --- trying it out --------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("<int:pk>/test/", guarded(self.test), name="chat_endpoint_test"),
            path("<int:pk>/fetch/", guarded(self.fetch), name="chat_endpoint_fetch"),
            path(
                "environment/<slug:name>/test/",
                guarded(self.test_environment),
                name="chat_endpoint_test_environment",
            ),
            *super().get_urls(),
        ]

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the endpoint for its models and for one token of its first model that is on."""
        row = self.load(request, pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        first = row.models.filter(enabled=True).values_list("name", flat=True).first()
        findings = async_to_sync(endpoint_probe.test)(row.config(), first, discreet=True)
        self.report(request, row.label, findings)
        self.log_change(request, row, outcome(findings))
        return HttpResponseRedirect(page_of(row))

    def fetch(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the endpoint for its models and add those that are new."""
        row = self.load(request, pk)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            names = async_to_sync(endpoint_probe.models)(row.config(), discreet=True)
        except endpoint_probe.NotListed as none:
            self.report(request, row.label, [none.finding])
            self.log_change(request, row, "Fetched its models: it has no list.")
            return HttpResponseRedirect(page_of(row))
        found = OfferedModel.objects.add_found(row, names)
        counts = counts_of(found)
        self.message_user(request, f"“{row}”: {translated(counts)}", messages.SUCCESS)
        self.log_change(request, row, f"Fetched its models: {counts}")
        if request.user.has_perm("chat.view_offeredmodel") or request.user.has_perm(
            "chat.change_offeredmodel"
        ):
            return HttpResponseRedirect(models_of(row))
        return HttpResponseRedirect(page_of(row))

    def test_environment(self, request: HttpRequest, name: str) -> HttpResponse:
        """The same test for an endpoint that has no row."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        catalogue = environment_endpoints()
        endpoint = catalogue.endpoints.get(name)
        if endpoint is None:
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        first = next((offer.name for offer in catalogue.offers if offer.endpoint == name), None)
        findings = async_to_sync(endpoint_probe.test)(endpoint, first)
        self.report(request, endpoint.label, findings)
        LogEntry.objects.create(
            user_id=request.user.pk or 0,
            content_type=ContentType.objects.get_for_model(Endpoint),
            object_repr=f"“{endpoint.label[:150]}” (from the environment)",
            action_flag=CHANGE,
            change_message=outcome(findings),
        )
        return HttpResponseRedirect(reverse("admin:chat_endpoint_changelist"))

    def load(self, request: HttpRequest, pk: int) -> Endpoint:
        """The row, after the permission, so that a refusal says nothing about it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            return Endpoint.objects.get(pk=pk)
        except (Endpoint.DoesNotExist, OverflowError):
            raise Http404 from None

    def report(
        self, request: HttpRequest, label: str, findings: Sequence[endpoint_probe.Finding]
    ) -> None:
        for finding in findings:
            text = f"“{label}”: {translated(finding.text)}"
            if finding.detail:
                details = gettext("Details: {text}").format(text=translated(finding.detail))
                text = f"{text} {details}"
            level = messages.SUCCESS if finding.ok else messages.ERROR
            self.message_user(request, text, level)


def dropped(form: EndpointForm) -> list[str]:
    """Secrets that were dropped, with the address they belonged to or as they are unreadable."""
    gone: list[str] = [Sentence("key")] if form.dropped.key else []
    return gone + [Sentence("value of {name}", name=name) for name in form.dropped.headers]


def outcome(findings: Sequence[endpoint_probe.Finding]) -> str:
    """For the change log."""
    return "Tested: it works." if all(one.ok for one in findings) else "Tested: it does not work."


def counts_of(found: FoundModels) -> Sentence:
    """The number of models that an endpoint brought, in words."""
    if found.added and found.on < found.added:
        return Sentence(
            "{added} added, {known} already known. {on} of the new models are offered. Long lists, "
            "and models that seem not to be for chat, are added without being offered.",
            **found._asdict(),
        )
    return Sentence("{added} added, {known} already known.", **found._asdict())


def page_of(row: Endpoint) -> str:
    return reverse("admin:chat_endpoint_change", args=[row.pk])


def models_of(row: Endpoint) -> str:
    query = urlencode({"endpoint__id__exact": row.pk})
    return f"{reverse('admin:chat_offeredmodel_changelist')}?{query}"
