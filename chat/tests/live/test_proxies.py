"""Through a real nginx in its default configuration a chunk arrives when it is sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from bench.paas_services import NGINX, Process, free_port, installed_nginx, wait_until_it_listens
from chat.tests.live.client import client
from chat.tests.live.database import Person
from chat.tests.live.http_client import NDJSON, SSE, Stream, ask, message, stream
from chat.tests.live.server import HALF, SHORT, Server

pytestmark = pytest.mark.asyncio

DEFAULT = ""
GZIP = "gzip on; gzip_types text/event-stream application/x-ndjson;"
DEAF = "proxy_ignore_headers X-Accel-Buffering;"
"""The setting with which nginx buffers in spite of all headers."""

LENGTH = 14
"""Code points that the endpoint says before it falls silent for good."""


@contextmanager
def nginx(folder: Path, server: Server, lines: str) -> Iterator[str]:
    """The origin of an nginx that has a plain `proxy_pass`, and these lines besides."""
    program = installed_nginx()
    if program is None:
        missing = "No nginx: `make test` looks for one."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    port = free_port()
    (folder / "parley.conf").write_text(
        f"{lines}\nserver {{ listen 127.0.0.1:{port};"
        f" location / {{ proxy_pass http://127.0.0.1:{server.port}; }} }}\n"
    )
    main = folder / "nginx.conf"
    main.write_text(NGINX.format(folder=folder))
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(main)]
    with Process("nginx", command, folder) as process:
        wait_until_it_listens(port, process)
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def asking(origin: str, person: Person, how: str, accept: str) -> AsyncIterator[Stream]:
    """A stream through the proxy: the answer to a message, or that of its reply by a GET."""
    body, path, encoding = message(HALF), "/api/v1/messages", "gzip"
    if how == "GET":
        _, accepted, _ = await ask(origin, person, "POST", "/messages", body)
        path = f"/api/v1/replies/{accepted['reply']}/events"
    fields = None if how == "GET" else body
    async with stream(
        origin, person, how, path, fields, Accept=accept, Accept_Encoding=encoding
    ) as page:
        yield page


@pytest.mark.parametrize("how", ["GET", "POST"])
@pytest.mark.parametrize("accept", [SSE, NDJSON])
@pytest.mark.parametrize("lines", [DEFAULT, GZIP], ids=["default", "gzip"])
async def test_words_arrive_while_the_reply_still_runs(
    site: Server, tmp_path: Path, lines: str, accept: str, how: str
) -> None:
    alice = site.database.add_person("alice")
    with nginx(tmp_path, site, lines) as origin:
        async with asking(origin, alice, how, accept) as page:
            reply = await page.until(lambda: next(iter(page.shown), None))
            await page.has(reply, LENGTH)
            assert site.database.reply(reply)["status"] == "running"
            assert page.shown[reply].end is None
            assert (page.headers.get("Content-Encoding") == "gzip") == (lines == GZIP)
            status, end, _ = await ask(origin, alice, "POST", f"/replies/{reply}/stop")
            assert (status, end["status"]) == (200, "stopped")
            assert (await page.end(reply))[0] == end
            await page.ended()


async def test_an_nginx_that_collects_shows_what_the_header_is_for(
    site: Server, tmp_path: Path
) -> None:
    """The same, where the proxy is told not to listen: nothing comes before the end."""
    alice = site.database.add_person("alice")
    with nginx(tmp_path, site, DEAF) as origin:
        async with client(site, alice) as page:
            reply = (await page.send("Hello", HALF))["reply"]

            async def collect() -> str:
                path = f"/api/v1/replies/{reply}/events"
                async with stream(origin, alice, "GET", path) as behind:
                    await behind.has(reply, LENGTH)
                    return behind.shown[reply].text

            behind = asyncio.create_task(collect())
            await page.has(reply, LENGTH)
            for _ in range(5):  # in the same time others come and go
                assert (await ask(origin, alice, "GET", f"/replies/{reply}"))[0] == 200
                other = await page.send("Others", SHORT)
                await page.end(other["reply"])
            assert not behind.done()
            await page.say("stop", reply=reply)
            assert await asyncio.wait_for(behind, 30) == (await page.end(reply))[1]
