"""An OpenAI-compatible endpoint as batches of text. Knows nothing of Django or the database.

client = Client(Endpoint("local", "http://127.0.0.1:8080/v1", "key"))
async with client.stream(ChatRequest("model", [{"role": "user", "content": "Hi"}])) as stream:
    async for batch in stream:
        ...
await client.close()
"""

from chat.upstream.chunks import Usage
from chat.upstream.client import LOGGERS, Client
from chat.upstream.endpoint import Batch, ChatRequest, Endpoint
from chat.upstream.errors import UpstreamError
from chat.upstream.stream import Stream

__all__ = [
    "LOGGERS",
    "Batch",
    "ChatRequest",
    "Client",
    "Endpoint",
    "Stream",
    "UpstreamError",
    "Usage",
]
