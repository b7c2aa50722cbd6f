"""The models that endpoints offer, with their prices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from chat.models.endpoints import Endpoint
from chat.models.values.prices import Prices, propose

MANY = 20
"""Of more models than this, found at once, staff choose which to offer."""

NO_CHAT = re.compile(
    r"embed|whisper|tts|dall-e|image|moderation|transcri|rerank|realtime|audio|speech|sora|guard"
    r"|^(babbage|davinci)-|ocr|bge-|clip",
    re.IGNORECASE,
)
"""Names of models that do other things than chat."""


@dataclass(frozen=True)
class Offer:
    """One model at one endpoint, as a user may choose it."""

    id: str
    """Public id, `<endpoint>/<name at the endpoint>`: the value of every `model`."""
    label: str
    endpoint: str
    """Key into the catalogue's endpoints."""
    name: str
    """Its name at the endpoint."""
    note: str = ""
    """A note of staff for the people who choose it."""
    context: int | None = None
    """Tokens, where known."""
    prices: Prices | None = None


class FoundModels(NamedTuple):
    """Result of asking an endpoint for its models."""

    added: int
    known: int
    """Number of listed models that were there already."""
    on: int
    """Number of added models that are offered at once."""


class OfferedModelQuerySet(models.QuerySet["OfferedModel"]):
    def usable(self, user_id: int | None) -> OfferedModelQuerySet:
        """Models offered now, with their endpoints; with a user, only those for that user."""
        rows = self.filter(enabled=True, endpoint__enabled=True).select_related("endpoint")
        if user_id is not None:
            # As a subquery: a join would give a row once per group.
            own = OfferedModel.groups.through.objects.filter(group__user=user_id)
            open_ = ~models.Exists(
                OfferedModel.groups.through.objects.filter(offeredmodel=models.OuterRef("pk"))
            )
            rows = rows.filter(open_ | models.Q(pk__in=own.values("offeredmodel")))
        return rows

    def add_found(self, endpoint: Endpoint, names: Sequence[str]) -> FoundModels:
        """Add the models an endpoint lists, with publicly known facts; the others stay.

        They are on at once, unless they are many or evidently no chat models.
        """
        known = set(self.filter(endpoint=endpoint).values_list("name", flat=True))
        limit = OfferedModel._meta.get_field("name").max_length or 0
        usable = [name for name in dict.fromkeys(names) if len(name) <= limit]
        new = [name for name in usable if name not in known]
        rows = [OfferedModel(endpoint=endpoint, name=name, label=name[:120]) for name in new]
        for row in rows:
            row.enabled = len(rows) <= MANY and not NO_CHAT.search(row.name)
            row.propose()
        self.bulk_create(rows, ignore_conflicts=True)
        return FoundModels(len(rows), len(usable) - len(rows), sum(row.enabled for row in rows))


class OfferedModel(models.Model):
    """A model at an endpoint of the database. Prices are US dollars per million tokens."""

    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, related_name="models", verbose_name=_("endpoint")
    )
    name = models.CharField(
        _("name"), max_length=150, help_text=_("Name of the model at the endpoint.")
    )
    label = models.CharField(
        _("label"), max_length=120, blank=True, help_text=_("The name that users see.")
    )
    note = models.CharField(
        _("note"),
        max_length=200,
        blank=True,
        help_text=_("Shown to users when they choose a model."),
    )
    context = models.PositiveIntegerField(
        _("context"),
        null=True,
        blank=True,
        validators=[MinValueValidator(256)],
        help_text=_(
            "Tokens that fit in. Longer conversations are sent without their oldest turns; "
            "left empty, they are sent whole."
        ),
    )
    input_price = models.DecimalField(
        _("input price"),
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("US dollars per million tokens sent."),
    )
    output_price = models.DecimalField(
        _("output price"),
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("US dollars per million tokens answered."),
    )
    cached_price = models.DecimalField(
        _("cached price"),
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("US dollars per million tokens the endpoint had cached. Empty: as sent."),
    )
    enabled = models.BooleanField(pgettext_lazy("a model", "offered"), default=True)
    default = models.BooleanField(
        pgettext_lazy("the first model", "default"),
        default=False,
        help_text=_("Chosen for new conversations. Only one model is."),
    )
    groups = models.ManyToManyField(
        Group,
        verbose_name=_("groups"),
        blank=True,
        help_text=_("Groups that may use the model. None chosen: everybody."),
    )
    position = models.PositiveIntegerField(
        _("order"), default=0, help_text=_("Lower numbers come first.")
    )

    objects = OfferedModelQuerySet.as_manager()

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")
        ordering = ["endpoint__position", "endpoint__slug", "position", "name"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "name"], name="chat_model_once"),
            models.UniqueConstraint(
                fields=["default"], condition=models.Q(default=True), name="chat_one_default_model"
            ),
        ]

    def __str__(self) -> str:
        return self.label or self.name

    def offer(self) -> Offer:
        """The offer as users choose it; needs its endpoint."""
        prices = None
        if self.input_price is not None and self.output_price is not None:
            prices = Prices(self.input_price, self.output_price, self.cached_price)
        return Offer(
            id=f"{self.endpoint.slug}/{self.name}",
            label=self.label or self.name,
            endpoint=self.endpoint.slug,
            name=self.name,
            note=self.note,
            context=self.context,
            prices=prices,
        )

    def make_default(self) -> None:
        """The one that new conversations begin with, in place of the one before."""
        with transaction.atomic():
            # One lock for all who do this at once, on any rows.
            OfferedModel.objects.select_for_update(no_key=True).order_by("pk").first()
            OfferedModel.objects.filter(default=True).exclude(pk=self.pk).update(default=False)
            self.default = True
            self.save(update_fields=["default"])

    def propose(self) -> bool:
        """Fill in empty fields by publicly known facts; True if any was. The caller saves."""
        known = propose(self.endpoint.base_url, self.name)
        before = (self.context, self.input_price, self.output_price, self.cached_price)
        if self.context is None:
            self.context = known.context
        if known.prices and self.input_price is None and self.output_price is None:
            self.input_price = known.prices.input
            self.output_price = known.prices.output
            self.cached_price = known.prices.cached
        return before != (self.context, self.input_price, self.output_price, self.cached_price)
