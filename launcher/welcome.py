"""Say where Parley is, once it answers: `python -m launcher.welcome http://127.0.0.1:8000`.

Started by `launcher.run` beside the processes, so that the address and the link for the first
account, read from standard input, stand together, whole, after the lines of the start.
"""

import http.client
import os
import sys
import time
from urllib.parse import urlsplit

SECONDS = 60


def answers(address: str) -> bool:
    """True if anything speaks HTTP at `address`."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def banner(address: str, link: str, model: bool) -> str:
    lines = [f"Parley is ready: {address}"]
    if link:
        lines += ["", "Create the first account, an administrator (this link works once):", link]
    if model:
        lines += ["", "A small model is built in; README.md says how to add others."]
    lines += ["", "Ctrl-C ends it."]
    return "\n" + "".join(f"  {line}".rstrip() + "\n" for line in lines) + "\n"


def main(address: str) -> None:
    link = sys.stdin.read().strip()
    until = time.monotonic() + SECONDS
    while not answers(address):
        if time.monotonic() > until:
            return
        time.sleep(0.1)
    try:
        print(banner(address, link, "EMBEDDED_MODEL_URL" in os.environ), end="", flush=True)
    except BrokenPipeError:  # nobody reads it; `launcher.processes` ends for that
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
