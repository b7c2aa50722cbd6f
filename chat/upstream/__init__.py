"""An OpenAI-compatible endpoint as batches of text. Knows nothing of Django or the database.

client = Client(EndpointConfig("local", "Local", "http://127.0.0.1:8080/v1", "key"))
async with client.stream(ChatRequest("model", [{"role": "user", "content": "Hi"}])) as stream:
    async for batch in stream:
        ...
await client.close()
"""

from chat.upstream.chat_request import HINTS, ChatRequest
from chat.upstream.chunks import AnswerFacts, Usage
from chat.upstream.client import LOGGERS, Client
from chat.upstream.content import Batch
from chat.upstream.errors import UpstreamError
from chat.upstream.stream import Stream

__all__ = [
    "HINTS",
    "LOGGERS",
    "AnswerFacts",
    "Batch",
    "ChatRequest",
    "Client",
    "Stream",
    "UpstreamError",
    "Usage",
]
