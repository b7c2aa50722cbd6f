"""The heart: live texts, producing, following, dispatch, recovery, drain.

`process` is this process's one `ReplyProcess`; it does nothing until it is started (asgi.py).
"""

from chat.replies.live import Follower, LiveReply
from chat.replies.process import Connection, ReplyProcess, process

__all__ = ["Connection", "Follower", "LiveReply", "ReplyProcess", "process"]
