"""Stored state. Each module owns its rows and every change of their state."""

from chat.models.api_calls import ApiCall
from chat.models.attempting.moved_text import replace_text
from chat.models.attempts import Attempt, Claim, Part, Unsaved
from chat.models.cache_rows import CacheRow
from chat.models.changes import Change, Counter, Deletion
from chat.models.commands.deactivation import stop_replies_of_inactive
from chat.models.commands.removal import finish_removals
from chat.models.commands.revisions import edit, regenerate, withdraw
from chat.models.commands.sending import continue_, send
from chat.models.conversations import Conversation, Source, TitleOrigin
from chat.models.endpoints import Dropped, Endpoint
from chat.models.folders import Folder
from chat.models.messages import Message
from chat.models.offers import FoundModels, Offer, OfferedModel
from chat.models.outcomes import Outcome
from chat.models.preferences import Preferences
from chat.models.processes import Process
from chat.models.rations import Ration
from chat.models.reading.catalogue import Catalogue, catalogue, environment_endpoints
from chat.models.reading.catch_up import changes_since
from chat.models.replies import Reply
from chat.models.requests import Accepted, Request
from chat.models.search_index import MessageWords
from chat.models.search_state import SearchState
from chat.models.tokens import AlreadyMade, Scope, Token, TooManyTokens
from chat.models.values.encryption import Unreadable
from chat.models.values.prices import Prices
from chat.models.values.refusals import IdReused, NoModel, NotAllowed, TooMany
from chat.models.values.states import UNFINISHED, Reason, Role, Status

__all__ = [
    "UNFINISHED",
    "Accepted",
    "AlreadyMade",
    "ApiCall",
    "Attempt",
    "CacheRow",
    "Catalogue",
    "Change",
    "Claim",
    "Conversation",
    "Counter",
    "Deletion",
    "Dropped",
    "Endpoint",
    "Folder",
    "FoundModels",
    "IdReused",
    "Message",
    "MessageWords",
    "NoModel",
    "NotAllowed",
    "Offer",
    "OfferedModel",
    "Outcome",
    "Part",
    "Preferences",
    "Prices",
    "Process",
    "Ration",
    "Reason",
    "Reply",
    "Request",
    "Role",
    "Scope",
    "SearchState",
    "Source",
    "Status",
    "TitleOrigin",
    "Token",
    "TooMany",
    "TooManyTokens",
    "Unreadable",
    "Unsaved",
    "catalogue",
    "changes_since",
    "continue_",
    "edit",
    "environment_endpoints",
    "finish_removals",
    "regenerate",
    "replace_text",
    "send",
    "stop_replies_of_inactive",
    "withdraw",
]
