"""Other people's programs, unmodified, on a running server: `make test-clients`.

`llm`, LangChain, and those of `chat/tests/sdk`: the rows of the table in docs/openai-api.md below
OpenAI's own SDKs, which `test_openai_node.py` and `test_openai_python.py` test.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import openai
import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from chat.tests.live.database import Person
from chat.tests.live.server import ROOT, SHORT, Server, Upstream
from chat.tests.sdk import HERE, install_python
from fake_endpoint import expected_text

pytestmark = pytest.mark.clients

TEXT = expected_text(SHORT)


@pytest.fixture
def alice(site: Server) -> Person:
    return site.database.add_person("alice")


@pytest.fixture
def token(site: Server, alice: Person) -> str:
    return site.database.add_token(alice, "chat", "read")


# --- llm ----------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, site: Server, token: str) -> Path:
    """The directory in which `llm` keeps its models and logs, set up as the document says."""
    (tmp_path / "extra-openai-models.yaml").write_text(
        f"- model_id: parley\n  model_name: {SHORT}\n"
        f"  api_base: {site.origin}/v1\n  api_key_name: parley\n"
    )
    assert llm(tmp_path, "keys", "set", "parley", "--value", token) == ""
    return tmp_path


def llm(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "llm", *arguments],
        cwd=ROOT,
        # No plugin of whatever else is installed here.
        env={**os.environ, "LLM_USER_PATH": str(home), "LLM_LOAD_PLUGINS": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_llm_streams_goes_on_and_answers_whole(
    home: Path, site: Server, alice: Person, upstream: Upstream
) -> None:
    about = f"About {uuid4()}"
    asked = llm(home, "-m", "parley", "-s", "Be brief.", "-o", "temperature", "0.5", about)
    assert asked == f"{TEXT}\n"
    assert llm(home, "-c", "And then?") == f"{TEXT}\n"
    assert llm(home, "-m", "parley", "--no-stream", "Something else") == f"{TEXT}\n"
    assert site.database.counts_of_calls(alice) == [4, 2]
    first, second = (request["body"] for request in upstream.requests(about))
    assert first["temperature"] == 0.5
    assert [message["role"] for message in second["messages"]] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip


# --- LangChain ----------------------------------------------------------------------------


@pytest.fixture
def langchain(site: Server, token: str) -> ChatOpenAI:
    return ChatOpenAI(
        base_url=f"{site.origin}/v1",
        api_key=SecretStr(token),
        model=SHORT,
        temperature=0.1,
        stream_usage=True,
        max_retries=0,
    )


def test_langchain_invokes_streams_and_goes_on(
    langchain: ChatOpenAI, site: Server, alice: Person
) -> None:
    asked: list[BaseMessage] = [SystemMessage("Be brief."), HumanMessage("One")]
    first = langchain.invoke(asked)
    assert first.content == TEXT
    assert first.response_metadata["finish_reason"] == "stop"
    asked += [first, HumanMessage("Two")]
    whole: Any = None
    for chunk in langchain.stream(asked):
        whole = chunk if whole is None else whole + chunk
    assert whole.content == TEXT
    assert whole.usage_metadata["total_tokens"] == 47
    assert site.database.counts_of_calls(alice) == [4]


def test_langchain_awaits_several_at_once(langchain: ChatOpenAI, site: Server) -> None:
    async def ask() -> list[AIMessage]:
        questions = [[HumanMessage(text)] for text in ("One", "Two", "Three", "Four")]
        return await langchain.abatch(questions)  # type: ignore[arg-type]

    assert {message.text for message in asyncio.run(ask())} == {TEXT}


def test_langchain_is_told_that_tools_are_not_served(
    langchain: ChatOpenAI, site: Server, alice: Person
) -> None:
    def weather(place: str) -> str:
        """The weather at a place."""
        return place

    with pytest.raises(openai.BadRequestError) as caught:
        langchain.bind_tools([weather]).invoke("How is the weather in Gdańsk?")
    assert caught.value.param == "tools"
    assert site.database.messages(alice) == []


# --- the other clients of the table -------------------------------------------------------

BUSY = "status?code=429&after=7"
COMMON = ("litellm", "pydantic-ai", "openai-agents", "dspy", "instructor")
CHATTING = (*(client for client in COMMON if client != "instructor"), "llama-index")
OF_NODE = ("@ai-sdk/openai-compatible", "@ai-sdk/openai", "@langchain/openai")

type Found = tuple[dict[str, Any], Person]


def tried(site: Server, *program: str) -> Found:
    """Answers and refusals of the clients of one script, and the owner of their token."""
    person = site.database.add_person("alice")
    key = site.database.add_token(person, "chat")
    done = subprocess.run(
        [*program, f"{site.origin}/v1", key, SHORT, BUSY],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), person


def of_environment(site: Server, name: str, *clients: str) -> Found:
    script = str(HERE / "try_clients.py")
    return tried(site, install_python(name), script, ",".join(clients))


@pytest.fixture(scope="module")
def of_python(site: Server, upstream: Upstream) -> Found:
    upstream.play('{"name": "Ada"}')
    return of_environment(site, "common", "instructor", *COMMON[:-1])


@pytest.fixture(scope="module")
def of_llama_index(site: Server) -> Found:
    return of_environment(site, "llama-index", "llama-index")


@pytest.fixture(scope="module")
def of_node(site: Server, node_with_openai: tuple[str, Path]) -> Found:
    return tried(site, node_with_openai[0], str(HERE / "try_clients.mjs"))


def found_by(request: pytest.FixtureRequest, client: str) -> dict[str, Any]:
    if client == "llama-index":
        fixture = "of_llama_index"
    else:
        fixture = "of_node" if client in OF_NODE else "of_python"
    found: Found = request.getfixturevalue(fixture)
    read: dict[str, Any] = found[0][client]
    return read


@pytest.mark.parametrize("client", [*CHATTING, *OF_NODE])
def test_client_reads_whole_answers_and_streams_with_their_tokens(
    request: pytest.FixtureRequest, client: str
) -> None:
    read = found_by(request, client)
    assert (read["whole"], read["streamed"]) == (TEXT, TEXT)
    assert (read["tokens"], read["streamedTokens"]) == (47, 47)


@pytest.mark.parametrize("client", [*CHATTING, "instructor", *OF_NODE])
def test_client_is_told_of_a_busy_endpoint_and_an_unknown_model(
    request: pytest.FixtureRequest, client: str
) -> None:
    read = found_by(request, client)
    assert read["busy"] == {"status": 429, "after": "7"}
    assert read["unknown"]["status"] == 404


def test_clients_go_on_with_their_conversations(
    of_python: Found, of_llama_index: Found, of_node: Found, site: Server
) -> None:
    """Two calls of each have four messages; one that failed may have added to them."""
    tried = ((of_python, CHATTING[:-1]), (of_llama_index, CHATTING[-1:]), (of_node, OF_NODE))
    for (_, person), clients in tried:
        assert sum(count >= 4 for count in site.database.counts_of_calls(person)) == len(clients)


def test_instructor_reads_json(of_python: Found) -> None:
    found, _ = of_python
    assert found["instructor"]["name"] == "Ada"
