"""Production and following of replies. Other parts import these names, and none of the modules.

`process` is this process's one `ReplyProcess`; it does nothing until it is started (asgi.py).
"""

from chat.replies.live import Follower, LiveReply
from chat.replies.live_track import LiveTrack
from chat.replies.process import Connection, ReplyProcess, process

__all__ = [
    "Connection",
    "Follower",
    "LiveReply",
    "LiveTrack",
    "ReplyProcess",
    "process",
]
