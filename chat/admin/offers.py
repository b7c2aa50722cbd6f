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
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from chat.admin.guard import GuardedAdmin
from chat.admin.rows import RowForm
from chat.models import OfferedModel


class OfferedModelForm(forms.ModelForm):  # type: ignore[type-arg]
    # Not the model's own field: another row has to give it up first.
    is_default = forms.BooleanField(
        label=_("Default"),
        required=False,
        help_text=_("Used for new conversations. It replaces the previous default model."),
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
            raise ValidationError(_("Enter at least one visible character."))
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("is_default") and not cleaned.get("enabled"):
            self.add_error("is_default", _("A model that is not offered cannot be the default."))
        prices = [cleaned.get(f"{kind}_price") for kind in ("input", "output")]
        if (prices[0] is None) != (prices[1] is None) and not self.errors:
            missing = "input_price" if prices[0] is None else "output_price"
            self.add_error(missing, _("Enter both prices or neither. A price may be 0."))
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

    @admin.display(description=_("Label"), ordering="label")
    def shown(self, row: OfferedModel) -> str:
        return str(row)

    @admin.display(description=_("US$ per million"))
    def prices(self, row: OfferedModel) -> str:
        if row.input_price is None or row.output_price is None:
            return ""
        given = {"input": plain(row.input_price), "output": plain(row.output_price)}
        if row.cached_price is None:
            return gettext("{input} input, {output} output").format(**given)
        return gettext("{input} input, {output} output, {cached} cached").format(
            **given, cached=plain(row.cached_price)
        )

    @admin.display(description=_("Default"))
    def is_default(self, row: OfferedModel) -> str:
        return gettext("default") if row.default else ""

    @admin.display(description=pgettext_lazy("may use a model", "Who"))
    def who(self, row: OfferedModel) -> str:
        return format_html_join(
            ", ", "<bdi>{}</bdi>", [[group.name] for group in row.groups.all()]
        ) or gettext("everybody")

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
            if obj.context:
                said = gettext(
                    "Filled in publicly known values: context {count} tokens, prices {prices}."
                )
            else:
                said = gettext("Filled in publicly known values: prices {prices}.")
            message = said.format(count=obj.context, prices=self.prices(obj))
            self.message_user(request, message, messages.INFO)

    # --- actions --------------------------------------------------------------------------

    @admin.action(description=_("Offer the selected models"), permissions=["change"])
    def offer(self, request: HttpRequest, rows: QuerySet[OfferedModel]) -> None:
        self.switch(request, rows, on=True)

    @admin.action(description=_("Stop offering the selected models"), permissions=["change"])
    def withdraw(self, request: HttpRequest, rows: QuerySet[OfferedModel]) -> None:
        self.switch(request, rows, on=False)

    def switch(self, request: HttpRequest, rows: QuerySet[OfferedModel], *, on: bool) -> None:
        changed = list(rows.filter(enabled=not on))
        OfferedModel.objects.filter(pk__in=[row.pk for row in changed]).update(enabled=on)
        self.log(request, changed, "Offered." if on else "No longer offered.")
        if on:
            said = ngettext("{count} model: offered.", "{count} models: offered.", len(changed))
        else:
            said = ngettext(
                "{count} model: no longer offered.",
                "{count} models: no longer offered.",
                len(changed),
            )
        self.message_user(request, said.format(count=len(changed)), messages.SUCCESS)

    @admin.action(description=_("Make the selected model the default"), permissions=["change"])
    def make_default(self, request: HttpRequest, rows: QuerySet[OfferedModel]) -> None:
        chosen = list(rows[:2])
        if len(chosen) != 1:
            self.message_user(request, gettext("Select exactly one model."), messages.ERROR)
            return
        (row,) = chosen
        if not (row.enabled and row.endpoint.enabled):
            said = gettext("“{model}” is not offered, so it cannot be the default.")
            message = said.format(model=row)
            self.message_user(request, message, messages.ERROR)
            return
        row.make_default()
        self.log(request, [row], "Made the default.")
        said = gettext("New conversations use “{model}”.").format(model=row)
        self.message_user(request, said, messages.SUCCESS)

    @admin.action(description=_("Fill in publicly known values"), permissions=["change"])
    def fill_in(self, request: HttpRequest, rows: QuerySet[OfferedModel]) -> None:
        looked = list(rows)
        filled = [row for row in looked if row.propose()]
        fields = ["context", "input_price", "output_price", "cached_price"]
        OfferedModel.objects.bulk_update(filled, fields)
        self.log(request, filled, "Filled in context and prices.")
        said = ngettext(
            "Filled in {filled} of {count} model. Nothing is known of the others, or they are "
            "complete. Existing values were kept.",
            "Filled in {filled} of {count} models. Nothing is known of the others, or they are "
            "complete. Existing values were kept.",
            len(looked),
        )
        message = said.format(filled=len(filled), count=len(looked))
        self.message_user(request, message, messages.SUCCESS)

    def log(self, request: HttpRequest, rows: list[OfferedModel], message: str) -> None:
        LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, message)  # type: ignore[arg-type]


def plain(price: Decimal) -> str:
    """A price without the zeros behind it."""
    return f"{price.normalize():f}"
