"""What Parley's plain pages need beyond Django's own tags."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.forms import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def without_placeholder(field: BoundField) -> SafeString:
    """The field's input without a placeholder: allauth's only repeat the label above them."""
    return field.as_widget(attrs={"placeholder": False})


@register.simple_tag
def sends_mail() -> bool:
    """Whether this server can send e-mail, so that pages offer only what works."""
    return bool(settings.EMAIL_URL)


@register.simple_tag
def offers_tokens() -> bool:
    """Whether users may make API tokens here."""
    return bool(settings.API_TOKENS)
