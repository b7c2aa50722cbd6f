"""Models in the admin: offers, groups and prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join

from chat.admin.guard import GuardedAdmin
from chat.admin.rows import RowForm
from chat.models import OfferedModel


class OfferedModelForm(forms.ModelForm):  # type: ignore[type-arg]
    # Not the model's own field: another row has to give it up first.
    is_default = forms.BooleanField(
        label="Default",
        required=False,
        help_text="Used for new conversations. It replaces the previous default model.",
    )

    class Meta:
        model = OfferedModel
        fields = (
            "endpoint", "name", "label", "note", "context", "input_price", "output_price",
            "cached_price", "enabled", "groups", "position",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("is_default", self.instance.default)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise ValidationError("Enter at least one visible character.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("is_default") and not cleaned.get("enabled"):
            self.add_error("is_default", "A model that is not offered cannot be the default.")
        prices = [cleaned.get(f"{kind}_price") for kind in ("input", "output")]
        if (prices[0] is None) != (prices[1] is None) and not self.errors:
            missing = "input_price" if prices[0] is None else "output_price"
            self.add_error(missing, "Enter both prices or neither. A price may be 0.")
        return cleaned


@admin.register(OfferedModel)
class OfferedModelAdmin(GuardedAdmin):
    form = OfferedModelForm
    list_display = (
        "shown", "enabled", "name", "endpoint", "context", "prices", "is_default", "who", "note",
        "position",
    )  # fmt: skip
    list_editable = ("enabled", "position")
    list_filter = ("endpoint", "enabled", "groups")
    list_select_related = ("endpoint",)
    list_per_page = 100
    list_max_show_all = 200
    search_fields = ("name", "label", "note", "endpoint__label")
    sortable_by = ()
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    actions = ("offer", "withdraw", "make_default", "fill_in")
    fieldsets = (
        (
            None,
            {"fields": ("endpoint", "name", "label", "note", "enabled", "is_default", "position")},
        ),
        ("Who may use it", {"fields": ("groups",)}),
        (
            "Context and prices",
            {
                "description": "Empty fields get publicly known values when a model is added. "
                "Without prices, replies have no cost.",
                "fields": ("context", "input_price", "output_price", "cached_price"),
            },
        ),
    )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "Models"} | (extra_context or {}))

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, form=RowForm, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OfferedModel]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Label", ordering="label")
    def shown(self, row: OfferedModel) -> str:
        return str(row)

    @admin.display(description="US$ per million")
    def prices(self, row: OfferedModel) -> str:
        if row.input_price is None or row.output_price is None:
            return ""
        text = f"{plain(row.input_price)} input, {plain(row.output_price)} output"
        if row.cached_price is not None:
            text += f", {plain(row.cached_price)} cached"
        return text

    @admin.display(description="Default")
    def is_default(self, row: OfferedModel) -> str:
        return "default" if row.default else ""

    @admin.display(description="Who")
    def who(self, row: OfferedModel) -> str:
        return (
            format_html_join(", ", "<bdi>{}</bdi>", [[group.name] for group in row.groups.all()])
            or "everybody"
        )

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(
            db_field, request, widget=forms.CheckboxSelectMultiple, **kwargs
        )

    def get_readonly_fields(self, request: HttpRequest, obj: OfferedModel | None = None) -> Any:
        # Both make the id that conversations keep.
        return ("endpoint", "name") if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: OfferedModel, form: Any, change: bool) -> None:
        if not isinstance(form, OfferedModelForm):  # the list's
            super().save_model(request, obj, form, change)
            return
        wanted = form.cleaned_data["is_default"]
        filled = not change and obj.propose()
        obj.default = obj.default and wanted
        super().save_model(request, obj, form, change)
        if wanted:
            obj.make_default()
        if filled:
            context = f"context {obj.context} tokens, " if obj.context else ""
            message = f"Filled in publicly known values: {context}prices {self.prices(obj)}."
            self.message_user(request, message, messages.INFO)

    # --- actions --------------------------------------------------------------------------

    @admin.action(description="Offer the selected models", permissions=["change"])
    def offer(self, request: HttpRequest, rows: QuerySet[OfferedModel]) -> None:
        self.switch(request, rows, on=True)

    @admin.action(description="Stop offering the selected models", permissions=["change"])
    def withdraw(self, request: HttpRequest, rows: QuerySet[OfferedModel]) -> None:
        self.switch(request, rows, on=False)

    def switch(self, request: HttpRequest, rows: QuerySet[OfferedModel], *, on: bool) -> None:
        changed = list(rows.filter(enabled=not on))
        OfferedModel.objects.filter(pk__in=[row.pk for row in changed]).update(enabled=on)
        done = "Offered." if on else "No longer offered."
        self.log(request, changed, done)
        self.message_user(request, f"{counted(changed)}: {done.lower()}", messages.SUCCESS)

    @admin.action(description="Make the selected model the default", permissions=["change"])
    def make_default(self, request: HttpRequest, rows: QuerySet[OfferedModel]) -> None:
        chosen = list(rows[:2])
        if len(chosen) != 1:
            self.message_user(request, "Select exactly one model.", messages.ERROR)
            return
        (row,) = chosen
        if not (row.enabled and row.endpoint.enabled):
            message = f"“{row}” is not offered, so it cannot be the default."
            self.message_user(request, message, messages.ERROR)
            return
        row.make_default()
        self.log(request, [row], "Made the default.")
        self.message_user(request, f"New conversations use “{row}”.", messages.SUCCESS)

    @admin.action(description="Fill in publicly known values", permissions=["change"])
    def fill_in(self, request: HttpRequest, rows: QuerySet[OfferedModel]) -> None:
        looked = list(rows)
        filled = [row for row in looked if row.propose()]
        fields = ["context", "input_price", "output_price", "cached_price"]
        OfferedModel.objects.bulk_update(filled, fields)
        self.log(request, filled, "Filled in context and prices.")
        message = f"Filled in {len(filled)} of {counted(looked)}. Nothing is known of the others, "
        message += "or they are complete. Existing values were kept."
        self.message_user(request, message, messages.SUCCESS)

    def log(self, request: HttpRequest, rows: list[OfferedModel], message: str) -> None:
        LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, message)  # type: ignore[arg-type]


def counted(rows: list[OfferedModel]) -> str:
    return "1 model" if len(rows) == 1 else f"{len(rows)} models"


def plain(price: Decimal) -> str:
    """A price without the zeros behind it."""
    return f"{price.normalize():f}"
