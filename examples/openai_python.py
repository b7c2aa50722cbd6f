"""Chat with Parley through OpenAI's own SDK: pip install openai

PARLEY_TOKEN=prl_... python openai_python.py
"""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("PARLEY_URL", "http://127.0.0.1:8000") + "/v1",
    api_key=os.environ["PARLEY_TOKEN"],
)
model = client.models.list().data[0].id
messages = []
for question in ("What is a parley?", "Say that in five words."):
    print(f"> {question}")
    messages.append({"role": "user", "content": question})
    stream = client.chat.completions.create(
        model=model,
        messages=messages,
        stream=True,
        stream_options={"include_usage": True},
    )
    answer = ""
    for chunk in stream:
        for choice in chunk.choices:
            answer += choice.delta.content or ""
            print(choice.delta.content or "", end="", flush=True)
        if chunk.usage:
            print(f"\n({chunk.usage.total_tokens} tokens)\n")
    # Sent back as it was, it continues the same conversation.
    messages.append({"role": "assistant", "content": answer})
