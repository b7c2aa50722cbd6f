"""JSON schemas of frames and objects, for the OpenAPI document and the page's types. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from chat.protocol.objects import MessageObject

REFERENCE = "#/components/schemas/{name}"


def schemas(*shapes: type[msgspec.Struct]) -> dict[str, dict[str, Any]]:
    """The schemas of these structs and of all that is in them, by name."""
    kinds = MessageObject.__subclasses__()
    references, found = msgspec.json.schema_components(
        [*kinds, *shapes],
        schema_hook=lambda kind: {"$ref": REFERENCE.format(name=kind.__name__)},
        ref_template=REFERENCE,
    )
    union = {"description": MessageObject.__doc__, "anyOf": list(references[: len(kinds)])}
    return {**found, MessageObject.__name__: union}
