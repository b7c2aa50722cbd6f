"""Final deletion of what users have removed, once they can no longer undo it."""

from __future__ import annotations

from chat.database.threads import GENERATION
from chat.models import finish_removals

REMOVAL_SECONDS = 5


async def finish() -> None:
    """Delete all that is due, a few rows at a time: the thread has other work in between.

    Of several processes, whichever comes first deletes a row.
    """
    while await GENERATION.run(finish_removals):
        pass
