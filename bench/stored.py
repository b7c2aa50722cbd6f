"""Conversations with given replies: `python -m bench.stored < texts.json` prints their ids as JSON.

Runs with the settings of the server under test (its environment), on the server's database. The
first of its people owns them, and becomes a superuser, to read them in the admin too.
"""

from __future__ import annotations

import json
import os
import sys


def store(texts: dict[str, str]) -> dict[str, list[str]]:
    """Keep each text as a reply of its own; returns the ids of its conversation, by name."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from chat.models import Conversation, Message

    owner = User.objects.order_by("pk")[0]
    owner.is_staff = owner.is_superuser = True
    owner.save()
    made = {}
    for name, text in texts.items():
        now = timezone.now()
        chat = Conversation.objects.create(owner=owner, title=name, model="", updated=now)
        common = {"conversation": chat, "user": owner}
        asked = Message.objects.create(role="user", text=name, **common)
        ended = {"status": "complete", "finish_reason": "stop", "attempt": 1, "ended": now}
        chat.leaf = Message.objects.create(
            role="assistant", parent=asked, text=text, **ended, **common
        )
        chat.message_count = 2
        chat.save()
        made[name] = [str(chat.uid), str(chat.pk)]
    return made


def main() -> None:
    """Store the standard input."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatproject.settings")
    import django

    django.setup()
    print(json.dumps(store(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
