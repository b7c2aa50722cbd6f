"""Network addresses that an endpoint may have, in any notation, at any time of resolution."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from chat.endpoint import EndpointConfig
from chat.upstream import ChatRequest, Client, UpstreamError
from chat.upstream.reach import Reach, reach_of
from fake_endpoint import FakeEndpoint

PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1",
    "198.18.0.1", "::1", "::", "fd12::1", "fec0::1", "::ffff:10.0.0.1", "::7f00:1",
    "64:ff9b::a00:1", "2002:a00:1::1",
]  # fmt: skip
NEVER = [
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "fe80::1", "fe80::1%2", "ff02::1", "fd00:ec2::254",
    "fd20:ce::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
    "::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2606:4700::5efe:a9fe:a9fe", "fd12::200:5efe:a9fe:a9fe",
]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        *((address, Reach.PUBLIC) for address in PUBLIC),
        *((address, Reach.PRIVATE) for address in PRIVATE),
        *((address, Reach.NEVER) for address in NEVER),
    ],
)
def test_an_address_is_classified_by_whom_it_can_meet(address: str, reach: Reach) -> None:
    assert reach_of(address) is reach


async def outcome(url: str, *, private: bool) -> str:
    client = Client(EndpointConfig("Own", "Own", url, "key", private=private, connect_timeout=2))
    try:
        await client.models()
    except UpstreamError as error:
        return error.code
    finally:
        await client.close()
    return "listed"


# Each written so that a comparison of text would let it pass.
SPELLINGS = ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0"]


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.asyncio
async def test_without_private_no_spelling_of_this_machine_is_connected_to(host: str) -> None:
    async with FakeEndpoint() as upstream:
        url = upstream.url.replace("127.0.0.1", host)
        # aiohttp does not take a number for a host in the first place.
        assert await outcome(url, private=False) in {"forbidden_address", "unreachable"}
        assert not upstream.requests


@pytest.mark.parametrize("host", ["169.254.169.254", "0xa9fea9fe", "[fe80::1]", "100.100.100.200"])
@pytest.mark.asyncio
async def test_link_local_and_metadata_are_never_connected_to(host: str) -> None:
    assert await outcome(f"http://{host}/v1", private=True) == "forbidden_address"


@pytest.mark.asyncio
async def test_what_a_name_resolves_to_later_is_checked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rebinding: the name is harmless when it is saved, and this machine when it is used."""
    loop = asyncio.get_running_loop()
    async with FakeEndpoint() as upstream:

        async def resolved(host: str, port: int, **_: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(loop, "getaddrinfo", resolved)
        url = upstream.url.replace("127.0.0.1", "models.example")
        assert await outcome(url, private=True) == "listed"
        before = len(upstream.requests)
        assert await outcome(url, private=False) == "forbidden_address"
        assert len(upstream.requests) == before


@pytest.mark.parametrize("model", ["..", "../admin", "a/..", "%2e%2e", "..\\x", "..;x/y"])
@pytest.mark.asyncio
async def test_a_models_name_leads_nowhere_else(model: str) -> None:
    async with FakeEndpoint() as upstream:
        path = "/deployments/{model}/chat/completions"
        client = Client(EndpointConfig("Own", "Own", upstream.url, "key", path=path))
        with pytest.raises(UpstreamError) as refused:
            async with client.stream(ChatRequest(model, [{"role": "user", "content": "Hi"}])):
                pass
        assert refused.value.code == "unknown_model"
        assert not upstream.requests
