"""Deploys Parley as a platform does, on this machine, and chats through it: `make try-deploy`.

A clean checkout gets its static files collected; the lines of its Procfile run with nothing but the
variables that a platform sets, on Postgres and a Redis with a self-signed certificate, behind nginx
with `deploy/nginx.conf`. A browser makes the first account and talks to the fake endpoint through
it, while processes are asked to end. Then the guide for a machine of one's own is followed to the
letter (`bench.paas_machine`). Prints the findings; exit code 0 if all were right.

`--install` also makes an environment of requirements.txt, as a build does (a minute more).
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import os
import re
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import psycopg
from honcho.environ import parse_procfile
from playwright.sync_api import Locator, Page, Response, expect, sync_playwright

from bench.paas_services import (
    ROOT,
    Process,
    find_nginx,
    free_port,
    nginx_configuration,
    postgres,
    valkey,
    wait_until_it_listens,
)
from bench.servers import fake_upstream
from chat.tests.browser.find_browser import ARGUMENTS, find
from fake_endpoint import expected_text

HOST = "chat.test"
SHORT = "words?n=40&rate=100"
LONG = "words?n=360&rate=40"
"""Nine seconds: longer than a drain of four."""
PATIENCE = 60_000
"""Milliseconds after which something that is not seen is missing."""
PASSWORD = "Kestrel-42-lamp"


class Wrong(Exception):
    """Something was not as it has to be."""


def seen(fact: str) -> None:
    print(f"  ok  {fact}", flush=True)


def must(is_right: object, fact: str, instead: object = "") -> None:
    """Print the fact, or raise `Wrong` with the finding instead."""
    if not is_right:
        raise Wrong(f"not so: {fact} {instead}".rstrip())
    seen(fact)


class Platform:
    """The checkout with its environment and processes."""

    def __init__(self, folder: Path, stack: ExitStack, *, install: bool) -> None:
        self.folder = folder
        self.app = folder / "app"
        self._stack = stack
        clone = ["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(self.app)]
        subprocess.run(clone, check=True)
        self._bin = Path(sys.executable).parent
        if install:
            self._install()
        self.lines = dict(parse_procfile((self.app / "Procfile").read_text()).processes)
        self.port, self.http, self.https = free_port(), free_port(), free_port()
        self.origin = f"https://{HOST}:{self.https}"
        self.database = stack.enter_context(postgres(folder))
        self.variables = {
            "DATABASE_URL": self.database,
            "REDIS_URL": stack.enter_context(valkey(folder)),
            "SECRET_KEY": secrets.token_hex(32),
            "ENCRYPTION_KEY": secrets.token_hex(32),
            "AUDIT_KEY": secrets.token_hex(32),
            "METRICS_TOKEN": secrets.token_hex(32),
            "ALLOWED_HOSTS": HOST,
            "TRUSTED_PROXIES": "*",
            "OPENAI_API_KEY": "sk-of-the-trial",
            "OPENAI_BASE_URL": stack.enter_context(fake_upstream()),
            "CHAT_MODEL": f"{SHORT},{LONG}",
            "TITLES": "first-words",
        }

    def _install(self) -> None:
        venv = self.folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-r", "requirements.txt"], cwd=self.app, check=True)
        self._bin = venv / "bin"

    def environment(self, dyno: str) -> dict[str, str]:
        """The variables of one process, and nothing else of this program's own environment."""
        base = {"PATH": f"{self._bin}:{os.environ['PATH']}", "HOME": str(self.folder)}
        base |= {"LANG": "C.UTF-8", "DYNO": dyno, "PYTHONUNBUFFERED": "1"}
        return base | {"PORT": str(self.port)} | self.variables

    def once(self, line: str) -> str:
        """Run a line to its end; returns its output, or raises `Wrong`."""
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.app,
            env=self.environment("run.1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise Wrong(f"`{line}` ended with {done.returncode}: {done.stdout[-3000:]}")
        return done.stdout

    def start(self, kind: str, number: int = 1) -> Process:
        """A process of the Procfile; a web process is waited for."""
        process = Process(
            f"{kind}.{number}",
            ["bash", "-c", self.lines[kind]],
            self.folder,
            cwd=self.app,
            environment=self.environment(f"{kind}.{number}"),
        )
        self._stack.enter_context(process)
        if kind == "web":
            wait_until_it_listens(self.port, process)
        return process

    def router(self, nginx: str) -> None:
        """nginx, as deploy/nginx.conf has it."""
        folder = self.folder / "nginx"
        folder.mkdir()
        path = nginx_configuration(folder, HOST, http=self.http, https=self.https, web=self.port)
        command = [nginx, "-p", str(folder), "-c", str(path)]
        process = self._stack.enter_context(Process("nginx", command, self.folder))
        wait_until_it_listens(self.https, process)

    def get(
        self, path: str, *, tls: bool = True, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a request through nginx."""
        connection: http.client.HTTPConnection
        if tls:
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection("127.0.0.1", self.https, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.http)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers={"Host": f"{HOST}:{self.https}"} | names)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        body = answer.read()
        connection.close()
        return answer.status, found, body

    def row(self, model: str) -> tuple[str, int, str]:
        """Status, attempt and text of the newest reply of a model, as Postgres has it."""
        with psycopg.connect(self.database) as connection:
            found = connection.execute(
                "SELECT status, attempt, text FROM chat_message"
                " WHERE role = 'assistant' AND model = %s ORDER BY id DESC LIMIT 1",
                [f"openai/{model}"],
            ).fetchone()
        if found is None:
            raise Wrong(f"no reply of {model} is stored")
        return found[0], found[1], found[2]


class Visitor:
    """Somebody with a browser."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.sockets: list[str] = []
        self.statics: list[Response] = []
        self.complaints: list[str] = []
        self._message = page.get_by_role("textbox", name="Message", exact=True)
        self._replies = page.get_by_role("article", name="Reply")
        page.on("websocket", lambda socket: self.sockets.append(socket.url))
        page.on("response", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, response: Response) -> None:
        if "/static/" in response.url:
            self.statics.append(response)

    def make_first_account(self, link: str) -> None:
        self.page.goto(link)
        self.page.get_by_label("Username").fill("root")
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_label("Password again").fill(PASSWORD)
        self.page.keyboard.press("Enter")
        expect(self._message).to_be_visible(timeout=PATIENCE)

    def choose(self, model: str) -> None:
        self.page.get_by_role("button", name="Model:").click()
        self.page.get_by_role("menuitemradio", name=model, exact=False).first.click()
        chosen = self.page.get_by_role("button", name=f"Model: {model}", exact=False)
        expect(chosen).to_be_visible(timeout=PATIENCE)

    def send(self, text: str) -> Locator:
        """Write a message and press Enter; returns its reply."""
        count = self._replies.count()
        self._message.fill(text)
        self._message.press("Enter")
        expect(self._message).to_have_value("", timeout=PATIENCE)
        return self._replies.nth(count)

    def words(self, reply: Locator) -> int:
        shown = reply.locator(".markdown")
        return len(shown.last.inner_text().split()) if shown.count() else 0

    def grows(self, reply: Locator, words: int) -> None:
        self.until(lambda: self.words(reply) >= words, f"a reply with {words} words")

    def ended(self, reply: Locator) -> None:
        """Wait for the quiet line that every reply gets at its end."""
        expect(reply.locator(".facts")).to_be_visible(timeout=PATIENCE)

    def until(self, look: Callable[[], object], sign: str) -> None:
        """Wait, while the page reports its sockets and answers."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not look():
            if time.monotonic() > deadline:
                raise Wrong(f"never seen: {sign}")
            self.page.wait_for_timeout(100)


# --- trials ---------------------------------------------------------------------------------


def release(platform: Platform) -> None:
    print("Build and release")
    said = platform.once("python manage.py collectstatic --noinput")
    must("static files copied" in said, "collectstatic, as a buildpack runs it", said[-300:])
    said = platform.once(platform.lines["release"])
    must("Applying chat.0001_initial... OK" in said, "release: checks, then migrations", said)
    must("no issues" in said, "release: `check --deploy` has nothing to say", said)
    must("No migrations to apply" in platform.once(platform.lines["release"]), "release, repeated")


def pages(platform: Platform) -> None:
    print("Through nginx")
    status, headers, _ = platform.get("/accounts/login/", tls=False)
    location = headers.get("location", "")
    must(status == 301 and location.startswith(f"https://{HOST}/"), "http goes to https", headers)
    status, headers, body = platform.get("/accounts/login/")
    must(status == 200, "the page to log in, without a redirect for ever", status)
    must("max-age=" in headers.get("strict-transport-security", ""), "HSTS", headers)
    status, _, _ = platform.get("/accounts/login/", Host="elsewhere.example")
    must(status in {400, 404}, "another host's name is refused", status)
    for path in re.findall(rb'(?:href|src)="(/static/[^"]+\.(?:css|js))"', body):
        status, headers, packed = platform.get(path.decode(), Accept_Encoding="gzip")
        must(
            status == 200
            and headers.get("content-encoding") == "gzip"
            and "immutable" in headers.get("cache-control", "")
            and len(packed) < len(gzip.decompress(packed)),
            f"{path.decode()} comes compressed, cached for ever",
            headers,
        )


def first_account(platform: Platform, visitor: Visitor, web: Process) -> None:
    print("The first account")
    command = f"python manage.py first_account_link --base-url {quote(platform.origin, ':/')}"
    link = platform.once(command).strip().splitlines()[-1]
    path = link.removeprefix(platform.origin)
    visitor.until(lambda: path in web.log, "the link in the log")
    visitor.make_first_account(link)
    seen("the link of the log makes the first account; the chat is open")
    cookies = visitor.page.context.cookies()
    must(cookies and all(cookie["secure"] for cookie in cookies), "its cookies are Secure", cookies)
    visitor.until(lambda: visitor.sockets, "a WebSocket")
    must(visitor.sockets[0].startswith("wss://"), f"the socket is {visitor.sockets[0]}")
    headers = [static.all_headers() for static in visitor.statics]
    packed = [found for found in headers if found.get("content-encoding") in {"br", "gzip", "zstd"}]
    must(len(packed) >= 2, f"{len(packed)} of {len(headers)} static files came compressed")
    hashed = [found for found in headers if "immutable" in found.get("cache-control", "")]
    must(len(hashed) == len(headers), "all of them with a hashed name, cached for ever", headers)


def chat(platform: Platform, visitor: Visitor) -> None:
    visitor.choose(SHORT)
    reply = visitor.send("Something short, please.")
    visitor.ended(reply)
    status, _, text = platform.row(SHORT)
    must((status, text) == ("complete", expected_text(SHORT)), "a reply, word for word")


def end_web(platform: Platform, visitor: Visitor, web: Process) -> Process:
    """One process that does all: its reply waits for the next start."""
    print("SIGTERM of the only process, in the middle of a reply (WORKERS=embedded)")
    visitor.choose(LONG)
    reply = visitor.send("Something long, please.")
    visitor.grows(reply, 30)
    began = time.monotonic()
    code = web.end()
    must(code == 0, f"exit code {code} after {time.monotonic() - began:.1f} s", web.log[-2000:])
    status, attempt, _ = platform.row(LONG)
    must(status == "queued", f"the reply waits to be taken up (attempt {attempt})", status)
    web = platform.start("web")
    visitor.ended(reply)
    status, attempt, text = platform.row(LONG)
    must(
        (status, text) == ("complete", expected_text(LONG)) and attempt > 1,
        f"after the restart the open page shows its end (attempt {attempt}), word for word",
        (status, attempt, len(text)),
    )
    return web


def end_beside_workers(platform: Platform, visitor: Visitor, web: Process) -> None:
    """Web and workers apart: a reply outlives both."""
    print("SIGTERM of web, then of a worker, in the middle of replies (WORKERS=separate)")
    began = time.monotonic()
    code = web.end()
    must(code == 0, f"web, with nothing to do: exit code 0 after {time.monotonic() - began:.1f} s")
    platform.variables["WORKERS"] = "separate"
    web, worker = platform.start("web"), platform.start("worker")
    reply = visitor.send("Something long again, please.")
    visitor.grows(reply, 30)
    must(web.end() == 0, "web: exit code 0", web.log[-2000:])
    web = platform.start("web")
    visitor.ended(reply)
    status, attempt, text = platform.row(LONG)
    must(
        (status, attempt, text) == ("complete", 1, expected_text(LONG)),
        "the reply went on in the worker, in its first attempt, word for word",
        (status, attempt, len(text)),
    )
    reply = visitor.send("And once more, please.")
    visitor.grows(reply, 30)
    platform.start("worker", 2)
    began = time.monotonic()
    code = worker.end()
    must(
        code == 0,
        f"worker: exit code {code} after {time.monotonic() - began:.1f} s",
        worker.log[-2000:],
    )
    visitor.ended(reply)
    status, attempt, text = platform.row(LONG)
    must(
        (status, text) == ("complete", expected_text(LONG)) and attempt > 1,
        f"another worker brought it to its end (attempt {attempt}), word for word",
        (status, attempt, len(text)),
    )


def watched(platform: Platform) -> None:
    print("Health and metrics, through nginx")
    for path, wanted in (("/healthz", 200), ("/readyz", 200), ("/metrics", 401)):
        status, _, said = platform.get(path)
        must(status == wanted, f"{path}: {status}", said[:300])
    bearer = f"Bearer {platform.variables['METRICS_TOKEN']}"
    status, _, said = platform.get("/metrics", Authorization=bearer)
    must(status == 200 and b"# TYPE" in said, "/metrics with its token", status)


def trial(folder: Path, nginx: str, *, install: bool) -> None:
    with ExitStack() as stack:
        platform = Platform(folder, stack, install=install)
        browsers = stack.enter_context(sync_playwright())
        path = find(browsers)
        if path is None:
            raise Wrong("no browser works here")
        release(platform)
        web = platform.start("web")
        platform.router(nginx)
        pages(platform)
        browser = browsers.chromium.launch(
            executable_path=path,
            args=[
                *ARGUMENTS,
                "--ignore-certificate-errors",
                f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
            ],
        )
        stack.callback(browser.close)
        visitor = Visitor(browser.new_page(ignore_https_errors=True), platform.origin)
        first_account(platform, visitor, web)
        chat(platform, visitor)
        web = end_web(platform, visitor, web)
        end_beside_workers(platform, visitor, web)
        watched(platform)
        must(not visitor.complaints, "no script of the page complained", visitor.complaints)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--install", action="store_true", help="make an environment of requirements.txt first"
    )
    parser.add_argument("--keep", action="store_true", help="leave the logs behind, and say where")
    options = parser.parse_args()
    nginx = find_nginx()
    if nginx is None:
        print("No nginx here, and none to be had.", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="parley-paas-"))
    began = time.monotonic()
    try:
        trial(folder, nginx, install=options.install)
    except (Wrong, AssertionError, RuntimeError, subprocess.SubprocessError) as problem:
        print(f"FAILED  {problem}\nLogs: {folder}", flush=True)
        return 1
    machine = subprocess.run([sys.executable, "-m", "bench.paas_machine"], cwd=ROOT, check=False)
    if machine.returncode == 1:
        return 1
    print(f"Deployed and chatted in {time.monotonic() - began:.0f} s.")
    if options.keep:
        print(f"Logs: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
