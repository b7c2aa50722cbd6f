"""The end of all that runs or waits for a deactivated user, however the account was changed."""

from __future__ import annotations

from django.db.models import Q

from chat.models.changes import Counter
from chat.models.replies import Reply
from chat.models.values.states import UNFINISHED, Status


def stop_replies_of_inactive() -> list[int]:
    """Stop unfinished replies of users who are not active; returns their ids.

    Queued ones end here; running ones get a stop mark, which their producers meet at the
    next checkpoint. The text so far is kept. One query where there is nothing to do; what
    somebody has locked is left to the next call.
    """
    marked = Q(status=Status.RUNNING, stop_requested=True)
    left = Reply.objects.filter(status__in=UNFINISHED, user__is_active=False).exclude(marked)
    stopped = []
    for user_id in sorted(set(left.values_list("user_id", flat=True))):
        with Counter.objects.held_if_free(user_id) as counter:
            if counter is None:
                continue
            for reply in list(left.locked(skip=True).filter(user_id=user_id).order_by("pk")):
                reply.stop(counter)
                stopped.append(reply.pk)
    return stopped
