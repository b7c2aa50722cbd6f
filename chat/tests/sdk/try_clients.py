"""Other people's clients for Python on Parley, each set up as docs/openai-api.md says.

    python try_clients.py CLIENT,CLIENT BASE_URL KEY MODEL BUSY

prints what each read and what was raised, as one JSON object. The first request of `instructor` is
answered with `{"name": …}`. Runs in the environment that has these clients, and imports nothing of
Parley.
"""

import asyncio
import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no list of prices is fetched

NOBODY = "a-model-that-is-not-offered"


def raised(work) -> dict:
    """Status and `Retry-After` of what a client raises, wherever it keeps them."""
    found = {"status": None, "after": None}
    try:
        work()
    except Exception as caught:
        error = caught
        while error is not None:
            status = getattr(error, "status_code", None) or getattr(error, "status", None)
            found["status"] = found["status"] or status
            headers = getattr(getattr(error, "response", None), "headers", {})
            found["after"] = found["after"] or headers.get("retry-after")
            if found["after"] is None and getattr(error, "retry_after", None) is not None:
                found["after"] = f"{error.retry_after:g}"
            error = error.__cause__ or error.__context__
    return found


def litellm(url: str, key: str, model: str, busy: str) -> dict:
    import litellm

    litellm.suppress_debug_info = True  # it prints

    def ask(messages: list, name: str = model, **more: object):
        return litellm.completion(
            model=f"openai/{name}",
            api_base=url,
            api_key=key,
            messages=messages,
            max_retries=0,
            **more,
        )

    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One of litellm"},
    ]
    whole = ask(messages)
    messages += [whole.choices[0].message.model_dump(), {"role": "user", "content": "Two"}]
    chunks = list(ask(messages, stream=True, stream_options={"include_usage": True}))
    again = litellm.stream_chunk_builder(chunks, messages=messages)
    return {
        "whole": whole.choices[0].message.content,
        "tokens": whole.usage.total_tokens,
        "streamed": "".join(
            chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
        ),
        "streamedTokens": again.usage.total_tokens,
        "busy": raised(lambda: ask(messages, busy)),
        "unknown": raised(lambda: ask(messages, NOBODY)),
    }


def pydantic_ai(url: str, key: str, model: str, busy: str) -> dict:
    from openai import AsyncOpenAI
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    def agent(name: str) -> Agent:
        client = AsyncOpenAI(base_url=url, api_key=key, max_retries=0)
        provider = OpenAIProvider(openai_client=client)
        return Agent(OpenAIChatModel(name, provider=provider), instructions="Be brief.")

    async def ask() -> dict:
        first = await agent(model).run("One of pydantic-ai")
        async with agent(model).run_stream("Two", message_history=first.all_messages()) as second:
            texts = [text async for text in second.stream_text(delta=True)]
        return {
            "whole": first.output,
            "tokens": first.usage.total_tokens,
            "streamed": "".join(texts),
            "streamedTokens": second.usage.total_tokens,
        }

    found = asyncio.run(ask())
    found["busy"] = raised(lambda: agent(busy).run_sync("One"))
    found["unknown"] = raised(lambda: agent(NOBODY).run_sync("One"))
    return found


def openai_agents(url: str, key: str, model: str, busy: str) -> dict:
    from agents import (
        Agent,
        ModelSettings,
        OpenAIChatCompletionsModel,
        Runner,
        set_tracing_disabled,
    )
    from openai import AsyncOpenAI

    set_tracing_disabled(True)

    def agent(name: str) -> Agent:
        client = AsyncOpenAI(base_url=url, api_key=key, max_retries=0)
        chat = OpenAIChatCompletionsModel(model=name, openai_client=client)
        told = ModelSettings(include_usage=True)
        return Agent(name="Assistant", instructions="Be brief.", model=chat, model_settings=told)

    async def ask() -> dict:
        first = await Runner.run(agent(model), "One of openai-agents")
        told = [*first.to_input_list(), {"role": "user", "content": "Two"}]
        second = Runner.run_streamed(agent(model), told)
        texts = [
            event.data.delta
            async for event in second.stream_events()
            if event.type == "raw_response_event"
            and event.data.type == "response.output_text.delta"
        ]
        return {
            "whole": first.final_output,
            "tokens": first.context_wrapper.usage.total_tokens,
            "streamed": "".join(texts),
            "streamedTokens": second.context_wrapper.usage.total_tokens,
        }

    found = asyncio.run(ask())
    found["busy"] = raised(lambda: asyncio.run(Runner.run(agent(busy), "One")))
    found["unknown"] = raised(lambda: asyncio.run(Runner.run(agent(NOBODY), "One")))
    return found


def instructor(url: str, key: str, model: str, busy: str) -> dict:
    """Only its JSON mode: the others ask with tools."""
    import instructor
    from openai import OpenAI
    from pydantic import BaseModel

    class Person(BaseModel):
        name: str

    client = instructor.from_openai(
        OpenAI(base_url=url, api_key=key, max_retries=0), mode=instructor.Mode.JSON
    )

    def ask(name: str) -> tuple:
        messages = [{"role": "user", "content": "Who wrote the first program?"}]
        return client.chat.completions.create_with_completion(
            model=name, messages=messages, response_model=Person, max_retries=1
        )

    person, made = ask(model)
    return {
        "name": person.name,
        "tokens": made.usage.total_tokens,
        "busy": raised(lambda: ask(busy)),
        "unknown": raised(lambda: ask(NOBODY)),
    }


def dspy(url: str, key: str, model: str, busy: str) -> dict:
    import dspy

    def lm(name: str) -> dspy.LM:
        return dspy.LM(f"openai/{name}", api_base=url, api_key=key, cache=False, num_retries=0)

    chosen = lm(model)
    messages = [{"role": "user", "content": "One of dspy"}]
    [first] = chosen(messages=messages)
    messages += [{"role": "assistant", "content": first}, {"role": "user", "content": "Two"}]
    chosen(messages=messages)

    class Answer(dspy.Module):
        def forward(self, question: str) -> dspy.Prediction:
            [text] = chosen(question)
            return dspy.Prediction(answer=text)

    async def stream() -> list:
        program = dspy.streamify(Answer(), is_async_program=False)
        return [chunk async for chunk in program(question="Three of dspy")]

    chunks = [chunk for chunk in asyncio.run(stream()) if hasattr(chunk, "choices")]
    return {
        "whole": first,
        "tokens": chosen.history[0]["usage"]["total_tokens"],
        "streamed": "".join(
            chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
        ),
        "streamedTokens": chosen.history[-1]["usage"]["total_tokens"],
        "busy": raised(lambda: lm(busy)("One")),
        "unknown": raised(lambda: lm(NOBODY)("One")),
    }


def llama_index(url: str, key: str, model: str, busy: str) -> dict:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    def llm(name: str, **more: object) -> OpenAILike:
        return OpenAILike(
            model=name, api_base=url, api_key=key, is_chat_model=True, max_retries=0, **more
        )

    messages = [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="user", content="One of llama-index"),
    ]
    whole = llm(model).chat(messages)
    messages += [whole.message, ChatMessage(role="user", content="Two")]
    usage = {"stream_options": {"include_usage": True}}
    chunks = list(llm(model).stream_chat(messages, **usage))
    return {
        "whole": whole.message.content,
        "tokens": whole.raw.usage.total_tokens,
        "streamed": "".join(chunk.delta or "" for chunk in chunks),
        "streamedTokens": chunks[-1].raw.usage.total_tokens,
        "busy": raised(lambda: llm(busy).chat(messages)),
        "unknown": raised(lambda: llm(NOBODY).chat(messages)),
    }


CLIENTS = {
    "dspy": dspy,
    "instructor": instructor,
    "litellm": litellm,
    "llama-index": llama_index,
    "pydantic-ai": pydantic_ai,
    "openai-agents": openai_agents,
}

if __name__ == "__main__":
    names, *given = sys.argv[1:]
    print(json.dumps({name: CLIENTS[name](*given) for name in names.split(",")}))
