"""The pages for monitors of a process that serves nothing else: `METRICS_PORT` of a worker.

The same as a web process has (`chat/health.py`), by a small server of aiohttp on the same loop.
"""

from __future__ import annotations

from aiohttp import web

from chat import health


class MonitorPort:
    """Answers `/healthz`, `/readyz` and `/metrics`, from `open` to `close`."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        application = web.Application()
        for path in health.PAGES:
            application.router.add_route("*", path, _answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)

    async def open(self) -> None:
        """Listen. Raises OSError where the port is taken or the address is not of this machine."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def close(self) -> None:
        await self._runner.cleanup()


async def _answer(request: web.Request) -> web.Response:
    headers = [(name.lower(), value) for name, value in request.raw_headers]
    found = await health.find({"method": request.method, "path": request.path, "headers": headers})
    length = {"Content-Length"} if request.method != "HEAD" else set()
    kept = {name: value for name, value in found.headers.items() if name not in length}
    return web.Response(status=found.status, body=found.body, headers=kept)
