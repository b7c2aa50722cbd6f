"""The endpoints and models this server offers."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

OPENAI_URL = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-5-mini"
EMBEDDED_MODEL = "smollm2-135m"


@dataclass(frozen=True)
class Offer:
    """One model at one endpoint, as a user may choose it."""

    id: str
    """Public id, `<endpoint>/<name at the endpoint>`: what `model` carries everywhere."""
    label: str
    endpoint: str
    """Key into the catalogue's endpoints."""
    name: str
    """What the endpoint calls it."""


@dataclass(frozen=True)
class EndpointSettings:
    """Where an endpoint is and what it can do."""

    name: str
    label: str
    base_url: str
    continues_prefix: bool = False


@dataclass(frozen=True)
class Catalogue:
    """All endpoints and their models, the default first."""

    endpoints: dict[str, EndpointSettings]
    offers: tuple[Offer, ...]

    @property
    def default(self) -> Offer | None:
        return self.offers[0] if self.offers else None

    def find(self, model: str) -> Offer | None:
        """The offer with this public id, or None."""
        return next((offer for offer in self.offers if offer.id == model), None)


def catalogue() -> Catalogue:
    """What the settings of this process offer."""
    endpoints: dict[str, EndpointSettings] = {}
    offers: list[Offer] = []
    if settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL:
        base_url = settings.OPENAI_BASE_URL or OPENAI_URL
        label = "OpenAI" if base_url == OPENAI_URL else urlsplit(base_url).hostname or base_url
        endpoints["openai"] = EndpointSettings("openai", label, base_url)
        names = settings.CHAT_MODEL or [DEFAULT_MODEL]
        offers += [Offer(f"openai/{name}", name, "openai", name) for name in names]
    if settings.EMBEDDED_MODEL_URL:
        endpoints["embedded"] = EndpointSettings(
            "embedded", "On this machine", settings.EMBEDDED_MODEL_URL, continues_prefix=True
        )
        offers.append(
            Offer(f"embedded/{EMBEDDED_MODEL}", "SmolLM2 135M", "embedded", EMBEDDED_MODEL)
        )
    return Catalogue(endpoints, tuple(offers))
