"""A chat as it is often written: a consumer that saves one row before the answer and one after it.

On Parley's tables, settings and sessions; the SDK's typed stream is sent on token by token. It has
no queue, no limits, nothing that survives a restart, and only the one socket hears of anything. Its
frames are those of Parley that the load waits for.
"""

import hashlib
import os
import uuid

from django.core.asgi import get_asgi_application

http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402  needs the apps
from channels.db import database_sync_to_async  # noqa: E402
from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.utils import timezone  # noqa: E402
from openai import AsyncOpenAI  # noqa: E402
from openai.types.chat import ChatCompletionMessageParam  # noqa: E402

from chat.models import Conversation, Message  # noqa: E402

client = AsyncOpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key=os.environ["OPENAI_API_KEY"])


class NaiveConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """One socket of one user."""

    async def connect(self) -> None:
        await self.accept()
        await self.send_json({"type": "ready"})

    async def receive_json(self, content: dict[str, str], **_: object) -> None:
        chat, asked = await self.save_user(content)
        reply = str(uuid.uuid4())
        ids = {"id": content["id"], "conversation": str(chat.uid), "reply": reply}
        await self.send_json({"type": "accepted", **ids})
        said: list[ChatCompletionMessageParam] = [{"role": "user", "content": content["text"]}]
        model = content["model"].partition("/")[2]
        stream = await client.chat.completions.create(model=model, messages=said, stream=True)
        text = ""
        async for chunk in stream:
            if chunk.choices and (token := chunk.choices[0].delta.content):
                await self.send_json({"type": "delta", "reply": reply, "text": token})
                text += token
        await self.save_reply(chat, asked, reply, text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        await self.send_json(
            {"type": "end", "reply": reply, "status": "complete", "sha256": digest}
        )

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def save_user(self, content: dict[str, str]) -> tuple[Conversation, Message]:
        """The conversation, and the new row in it."""
        user = self.scope["user"]
        if content["conversation"]:
            chat = Conversation.objects.get(owner=user, uid=content["conversation"])
        else:
            chat = Conversation.objects.create(owner=user, title="Chat", updated=timezone.now())
        asked = Message.objects.create(
            conversation=chat, user=user, role="user", text=content["text"]
        )
        return chat, asked

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def save_reply(self, chat: Conversation, asked: Message, reply: str, text: str) -> None:
        """Store the row of the reply."""
        Message.objects.create(
            uid=reply,
            conversation=chat,
            user=self.scope["user"],
            parent=asked,
            role="assistant",
            text=text,
            status="complete",
        )


application = ProtocolTypeRouter(
    {"http": http, "websocket": AuthMiddlewareStack(NaiveConsumer.as_asgi())}
)
