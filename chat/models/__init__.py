"""What is stored. Each module owns its rows and every change of their state."""

from chat.models.attempts import Claim, Outcome, Part, Unsaved
from chat.models.catch_up import changes_since
from chat.models.changes import Change, Counter, Deletion
from chat.models.conversations import Conversation
from chat.models.endpoints import Catalogue, Offer, catalogue
from chat.models.messages import UNFINISHED, Message, Reason, Role, Status
from chat.models.processes import Process
from chat.models.replies import Reply
from chat.models.requests import Accepted, IdReused, NoModel, NotAllowed, Request, TooMany

__all__ = [
    "UNFINISHED",
    "Accepted",
    "Catalogue",
    "Change",
    "Claim",
    "Conversation",
    "Counter",
    "Deletion",
    "IdReused",
    "Message",
    "NoModel",
    "NotAllowed",
    "Offer",
    "Outcome",
    "Part",
    "Process",
    "Reason",
    "Reply",
    "Request",
    "Role",
    "Status",
    "TooMany",
    "Unsaved",
    "catalogue",
    "changes_since",
]
