"""Refusals of `make run` before it starts anything, and its words when all is up."""

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from launcher.run import StartError, check_free, host_name, port_number, reached_at
from launcher.welcome import answers, banner


@pytest.mark.parametrize("text", ["", "abc", "0", "65536", "-1", "8000 "])
def test_a_port_that_is_none_is_named(text: str) -> None:
    with pytest.raises(StartError, match="PORT is"):
        port_number(text)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("[::]", "http://[::1]:8000"),
        ("fe80::2", "http://[fe80::2]:8000"),
        ("chat.lan", "http://chat.lan:8000"),
    ],
)
def test_the_address_that_is_told_can_be_opened(host: str, address: str) -> None:
    assert reached_at(host_name(host), 8000) == address


@pytest.mark.parametrize("text", ["", " ", "http://chat.lan", "127.0.0.1:8000", "a b", "<host>"])
def test_a_host_that_is_none_is_named(text: str) -> None:
    with pytest.raises(StartError, match="HOST is"):
        host_name(text)


def test_a_port_in_use_is_named_with_the_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=f"Port {port} is in use: .* make run PORT={port + 1}"):
            check_free("127.0.0.1", port)
    check_free("127.0.0.1", port)


def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(StartError, match=r"Cannot listen on 192\.0\.2\.1, port 8000"):
        check_free("192.0.2.1", 8000)


def test_the_link_is_shown_only_while_there_is_one() -> None:
    link = "http://127.0.0.1:8000/start/abc"
    assert link in banner("http://127.0.0.1:8000", link, model=True)
    assert "account" not in banner("http://127.0.0.1:8000", "", model=True)


def test_any_http_answer_counts_as_up_and_silence_does_not() -> None:
    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Refuse)
    address = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert answers(address)
    finally:
        server.shutdown()
        server.server_close()
    assert not answers(address)
