"""The list of models that an endpoint offers, in any of its shapes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.tests.upstream.conftest import KEY, Connect
from chat.upstream import Client, UpstreamError
from chat.upstream.listing import NoListError, read_models
from fake_endpoint import SCENARIOS, FakeEndpoint


async def refused(client: Client) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await client.models()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value


@pytest.mark.asyncio
async def test_models_are_asked_for_beside_the_completions(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    assert await connect(api_version="1").models() == list(SCENARIOS)
    (request,) = upstream.requests
    assert (request.method, request.path) == ("GET", "/v1/models?api-version=1")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body is None
    assert upstream.open_streams == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("shape", ["data", "models", "list", "names"])
async def test_any_shape_is_read(upstream: FakeEndpoint, connect: Connect, shape: str) -> None:
    upstream.listing.want({"ids": ["b", "a", "b", "ä/1:x"], "shape": shape})
    assert await connect().models() == ["b", "a", "ä/1:x"]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"data": []}, []),
        ([], []),
        ({"data": [{"id": "a"}], "models": [{"name": "b"}]}, ["a"]),
        ({"data": None, "models": [{"name": "b", "model": "c"}]}, ["b"]),
        ([{"model": "c"}, {"id": "", "name": "d"}, {"id": 3}, {}, None, 7, ["x"]], ["c", "d"]),
        ([{"id": "a\0b"}, {"id": "a\nb"}, {"id": "x" * 201}, {"id": "\ud800"}], ["ab", "\ufffd"]),
    ],
)
def test_what_has_no_name_is_left_out(value: Any, names: list[str]) -> None:
    assert read_models(json.dumps(value).encode()) == names


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"42", b"{}", b'"a"', b"null", b"\xff", b'{"data": {}}', b"[" * 200_000],
)
def test_what_is_no_list_is_told(body: bytes) -> None:
    with pytest.raises(NoListError):
        read_models(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["data", "models", "id", "name", "model"]), inner, max_size=3
            )
        ),
    )
)
def test_no_json_breaks_the_reader(value: Any) -> None:
    try:
        names = read_models(json.dumps(value).encode())
    except NoListError as none:
        names = []
        assert none.value == value  # noqa: PT017  both outcomes are fine
    assert len(set(names)) == len(names)
    assert all(name and name.isprintable() for name in names)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"status": 401}, "refused_key"),
        ({"status": 404, "page": "<h1>nothing"}, "not_found"),
        ({"status": 500}, "upstream_error"),
        ({"status": 307}, "redirected"),
        ({"page": "<h1>Log in"}, "bad_response"),
        ({"body": {"detail": "x"}}, "bad_response"),
        ({"body": {"error": {"message": "x", "code": "invalid_api_key"}}}, "refused_key"),
        ({"body": {"data": ["x" * 200] * 30_000}}, "bad_response"),
        ({"hang": True}, "timeout_first_token"),
    ],
)
async def test_each_failure_has_its_code(
    upstream: FakeEndpoint, connect: Connect, wanted: dict[str, Any], code: str
) -> None:
    upstream.listing.want(wanted)
    error = await refused(connect(first_token_timeout=0.3 if "hang" in wanted else 10))
    assert error.code == code
    assert "<" not in error.detail
    assert len(upstream.requests) == 1


@pytest.mark.asyncio
async def test_nobody_there_and_a_url_that_is_none(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    await upstream.stop()
    assert (await refused(connect())).code == "unreachable"
    assert (await refused(connect(base_url="not a url"))).code == "unreachable"
    assert (await refused(connect(headers=(("X-A", "\n"),)))).code == "bad_header"


@pytest.mark.asyncio
async def test_no_key_is_told_by_a_list_that_repeats_it(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    extra = (("X-Secret", "canary-header-value"),)
    for status in (200, 400):
        words = f"Bad key {KEY} or canary-header-value"
        upstream.listing.want({"body": {"error": {"message": words}}, "status": status})
        error = await refused(connect(headers=extra))
        assert "canary" not in error.message + error.detail
        assert "Bad key …" in error.detail


@pytest.mark.asyncio
async def test_one_path_may_have_a_list_of_its_own(
    upstream: FakeEndpoint, connect: Connect
) -> None:
    upstream.listing.want({"ids": ["a"], "at": "/other/models"})
    assert await connect(base_url=f"{upstream.origin}/other").models() == ["a"]
    assert await connect().models() == list(SCENARIOS)
    upstream.listing.want(None)
    assert await connect(base_url=f"{upstream.origin}/other").models() == list(SCENARIOS)
