"""Template tags of Parley's plain pages."""

from __future__ import annotations

from datetime import date, datetime

import parley_frontend
from django import template
from django.conf import settings
from django.forms import BoundField
from django.templatetags.static import static
from django.utils import translation
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat import languages, marking
from chat.models.values import graphemes

register = template.Library()


@register.filter
def without_placeholder(field: BoundField) -> SafeString:
    """The field's input without a placeholder: allauth's only repeat the label above them."""
    return field.as_widget(attrs={"placeholder": False})


@register.filter
def initial(name: str) -> str:
    """The first character of a name, with all that belongs to it."""
    return graphemes.first(name).upper()


@register.filter
def isolated(name: str) -> SafeString:
    """A name within a sentence or beside other text, in a direction of its own."""
    return marking.isolated(name)


@register.filter
def quoted(name: str) -> str:
    """A name within a sentence where no element can stand, as in an attribute."""
    return marking.quoted(name)


@register.filter
def day(at: datetime) -> str:
    """A day as every page writes it."""
    return date_format(at, "DATE_FORMAT")


@register.filter
def moment(at: datetime) -> str:
    """A time as every page writes it; all are UTC."""
    return date_format(at, "DATETIME_FORMAT")


@register.filter
def month(at: date) -> str:
    """A month as every page writes it."""
    return date_format(at, "YEAR_MONTH_FORMAT")


@register.filter
def number(value: float, decimals: int = 0) -> str:
    """A number as the language of the page writes it."""
    return number_format(value, decimals, use_l10n=True, force_grouping=True)


@register.filter
def translated(text: str) -> str:
    """A sentence of the server in the page's language."""
    return languages.translated(text)


@register.simple_tag
def sends_mail() -> bool:
    """True if this server can send e-mail; else pages do not offer it."""
    return bool(settings.EMAIL_URL)


@register.simple_tag
def offers_tokens() -> bool:
    """True if users may make API tokens here."""
    return bool(settings.API_TOKENS)


@register.simple_tag
def page_catalogue() -> SafeString:
    """The script with the page's sentences in the active language; nothing for English.

    It has to stand before the scripts that need it: modules run in their order.
    """
    file = parley_frontend.catalogues.get((translation.get_language() or "").lower())
    if file is None:
        return SafeString()
    return format_html('<script type="module" src="{}"></script>', static(file))
