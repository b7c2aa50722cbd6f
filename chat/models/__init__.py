"""What is stored. Each module owns its rows and every change of their state."""

from chat.models.accepting import Accepted, IdReused, NoModel, NotAllowed, TooMany
from chat.models.api_calls import ApiCall
from chat.models.attempts import Attempt, Claim, Outcome, Part, Unsaved
from chat.models.catalogue import Catalogue, catalogue, environment_endpoints
from chat.models.catch_up import changes_since
from chat.models.changes import Change, Counter, Deletion
from chat.models.conversations import Conversation, Source
from chat.models.endpoints import Dropped, Endpoint, EndpointSettings
from chat.models.messages import UNFINISHED, Message, Reason, Role, Status
from chat.models.offers import Found, Offer, OfferedModel
from chat.models.prices import Prices
from chat.models.processes import Process
from chat.models.replies import Reply
from chat.models.requests import Request
from chat.models.sealing import Unreadable
from chat.models.tokens import AlreadyMade, Scope, Token, TooManyTokens

__all__ = [
    "UNFINISHED",
    "Accepted",
    "AlreadyMade",
    "ApiCall",
    "Attempt",
    "Catalogue",
    "Change",
    "Claim",
    "Conversation",
    "Counter",
    "Deletion",
    "Dropped",
    "Endpoint",
    "EndpointSettings",
    "Found",
    "IdReused",
    "Message",
    "NoModel",
    "NotAllowed",
    "Offer",
    "OfferedModel",
    "Outcome",
    "Part",
    "Prices",
    "Process",
    "Reason",
    "Reply",
    "Request",
    "Role",
    "Scope",
    "Source",
    "Status",
    "Token",
    "TooMany",
    "TooManyTokens",
    "Unreadable",
    "Unsaved",
    "catalogue",
    "changes_since",
    "environment_endpoints",
]
