"""Chat with Parley over its WebSocket, through cuts and restarts: pip install websockets

python websocket_client.py http://127.0.0.1:8000 alice 'her password' 'What is a parley?'
"""

import asyncio
import json
import re
import sys
import uuid
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


def log_in(server: str, name: str, password: str) -> str:
    """The cookies of a new session, as a header."""
    jar = CookieJar()
    browser = build_opener(HTTPCookieProcessor(jar))
    page = browser.open(f"{server}/accounts/login/").read().decode()
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    fields = {"login": name, "password": password, "csrfmiddlewaretoken": token}
    form = Request(f"{server}/accounts/login/", urlencode(fields).encode(), {"Referer": server})
    browser.open(form)
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


async def ask(server: str, cookies: str, text: str) -> None:
    """Send a message and print its reply, whatever happens to the connection."""
    send = {"type": "send", "id": str(uuid.uuid4()), "conversation": None, "parent": None}
    position = {"attempt": 0, "text": 0, "reasoning": 0}
    reply = None
    address = server.replace("http", "ws", 1) + "/ws/chat/"
    while True:
        try:
            headers = {"Cookie": cookies}
            async with connect(address, origin=server, additional_headers=headers) as socket:
                # Until it is accepted, the same message again: the server takes an id once.
                first = send | {"text": text}
                if reply:
                    first = {"type": "follow", "reply": reply, **position}
                await socket.send(json.dumps(first))
                async for data in socket:
                    frame = json.loads(data)
                    if frame["type"] == "accepted":
                        reply = frame["reply"]
                    elif frame["type"] == "error" and "retry_after" in frame:
                        break  # and once more
                    elif frame["type"] == "error":
                        sys.exit(frame["message"])
                    elif frame.get("reply") != reply:
                        continue
                    elif frame["type"] == "snapshot":  # what came before no longer counts
                        print(f"\r\n{frame['text']}", end="", flush=True)
                        lengths = {track: len(frame[track]) for track in ("text", "reasoning")}
                        position = {"attempt": frame["attempt"]} | lengths
                    elif frame["type"] == "delta":
                        # Positions count code points, as Python's len does.
                        position[frame["track"]] = frame["at"] + len(frame["text"])
                        if frame["track"] == "text":
                            print(frame["text"], end="", flush=True)
                    elif frame["type"] == "end":
                        return print(f"\n({frame['status']}, {frame['length']} characters)")
        except (ConnectionClosed, OSError, InvalidStatus) as problem:
            if isinstance(problem, ConnectionClosed) and problem.code == 4401:
                sys.exit("The session is over: log in again.")
            print("\n(the connection is lost; once more)", file=sys.stderr)
        await asyncio.sleep(1)


if __name__ == "__main__":
    server, name, password, text = sys.argv[1:]
    asyncio.run(ask(server, log_in(server, name, password), text))
