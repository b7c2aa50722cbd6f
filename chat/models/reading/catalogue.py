"""The endpoints and models this server offers, from its environment and its database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from chat.endpoint import EndpointConfig
from chat.models.endpoints import usual_options
from chat.models.offers import Offer, OfferedModel
from chat.models.values.prices import propose

OPENAI_URL = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-5-mini"
EMBEDDED = "embedded"
"""Name of the endpoint of the embedded model."""
EMBEDDED_MODEL = "smollm2-135m"
EMBEDDED_CONTEXT = 4096


@dataclass(frozen=True)
class Catalogue:
    """Endpoints by name, and their models in the order in which they are shown."""

    endpoints: dict[str, EndpointConfig]
    offers: tuple[Offer, ...]
    default: Offer | None
    """The model of a new conversation."""

    def find(self, model: str) -> Offer | None:
        """The offer with this public id, or None."""
        return next((offer for offer in self.offers if offer.id == model), None)


def catalogue(user_id: int | None = None) -> Catalogue:
    """The current offers; with a user, only those for that user. One query."""
    found = environment_endpoints()
    endpoints, offers, default = dict(found.endpoints), list(found.offers), found.default
    for row in OfferedModel.objects.usable(user_id):
        slug = row.endpoint.slug
        if slug in found.endpoints:
            continue  # the environment's endpoint of that name goes first
        if slug not in endpoints:
            endpoints[slug] = row.endpoint.config()
        offer = row.offer()
        offers.append(offer)
        if row.default or default is None:
            default = offer
    return Catalogue(endpoints, tuple(offers), default)


class Choice(NamedTuple):
    """A model and its endpoint; both None where the model is not, or no longer, offered."""

    offer: Offer | None
    endpoint: EndpointConfig | None

    @property
    def id(self) -> str:
        """The public id of the model, or ""."""
        return self.offer.id if self.offer else ""


def find(model: str, user_id: int | None) -> Choice:
    """The model with this public id as this user may use it, or (None) whoever may.

    At most one query, for one row.
    """
    known = environment_endpoints()
    offer = known.find(model)
    if offer is not None:
        return Choice(offer, known.endpoints[offer.endpoint])
    slug, _, name = model.partition("/")
    if slug not in known.endpoints:
        rows = OfferedModel.objects.usable(user_id)
        if row := rows.filter(endpoint__slug=slug, name=name).first():
            return Choice(row.offer(), row.endpoint.config())
    return Choice(None, None)


def choose(model: str, user_id: int | None) -> Choice:
    """Find an offer, with all that is publicly known about the model."""
    offer, endpoint = find(model, user_id)
    if offer is None or endpoint is None:
        return Choice(None, None)
    return Choice(with_facts(offer, endpoint), endpoint)


def environment_endpoints() -> Catalogue:
    """Endpoints of the environment; nothing of them is ever stored."""
    endpoints: list[EndpointConfig] = []
    offers: list[Offer] = []
    options = settings.ENDPOINTS.get("openai", {})
    if settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL:
        base_url = settings.OPENAI_BASE_URL or OPENAI_URL
        openai = {
            "base_url": base_url,
            "api_key": settings.OPENAI_API_KEY,
            "models": settings.CHAT_MODEL or [DEFAULT_MODEL],
            "label": "OpenAI" if base_url == OPENAI_URL else "",
        }
        _add("openai", openai | options, endpoints, offers)
    for name, named in settings.ENDPOINTS.items():
        if name != "openai":
            _add(name, named, endpoints, offers)
    if settings.EMBEDDED_MODEL_URL:
        embedded = {
            "base_url": settings.EMBEDDED_MODEL_URL,
            "models": [EMBEDDED_MODEL],
            "label": "On this machine",
            "prefix": "plain",
            "context": EMBEDDED_CONTEXT,
        }
        _add(EMBEDDED, embedded, endpoints, offers)
        offers[-1] = replace(offers[-1], label="SmolLM2 135M")
    return Catalogue(
        {endpoint.name: endpoint for endpoint in endpoints},
        tuple(offers),
        offers[0] if offers else None,
    )


def _add(
    name: str, named: dict[str, Any], endpoints: list[EndpointConfig], offers: list[Offer]
) -> None:
    models, context, base_url = named["models"], named.get("context"), named["base_url"]
    given = {key: value for key, value in named.items() if key not in ("models", "context")}
    given["label"] = given.get("label") or urlsplit(base_url).hostname or name
    endpoints.append(EndpointConfig(name=name, **usual_options(base_url) | given))
    offers += [Offer(f"{name}/{model}", model, name, model, context=context) for model in models]


def with_facts(offer: Offer, endpoint: EndpointConfig) -> Offer:
    """The offer with publicly known facts, where the environment gives no more than its name.

    Staff can see and change the offers in the database, so nothing is added to those.
    """
    if endpoint.stored or urlsplit(endpoint.base_url).hostname in ("127.0.0.1", "localhost"):
        return offer
    known = propose(endpoint.base_url, offer.name)
    return replace(offer, context=offer.context or known.context, prices=known.prices)
