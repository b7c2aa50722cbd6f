"""Trust in headers about a request's origin."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from chat import checks
from chat.forms import AccountAdapter
from chat.proxy_list import parse
from chat.trusted_proxies import SCHEME_CLAIMED, believe_proxies
from chat.websocket_auth import same_origin


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "address"),
    [
        ([], "10.0.0.7", "203.0.113.9", "10.0.0.7"),
        (["10.0.0.7"], "10.0.0.7", "203.0.113.9", "203.0.113.9"),
        (["10.0.0.7"], "10.0.0.8", "203.0.113.9", "10.0.0.8"),
        (["10.0.0.0/8"], "10.9.9.9", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "10.9.9.9", "198.51.100.1, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        (["10.0.0.0/8"], "192.0.2.1", "203.0.113.9, 10.1.1.1", "192.0.2.1"),
        (["10.0.0.0/8"], "10.9.9.9", "10.2.2.2, 10.1.1.1", "10.2.2.2"),
        (["10.0.0.0/8"], "10.9.9.9", "203.0.113.9, nonsense", "10.9.9.9"),
        (["10.0.0.0/8"], "10.9.9.9", "203.0.113.9:4711", "203.0.113.9"),
        (["10.0.0.0/8"], "::ffff:10.9.9.9", "203.0.113.9", "203.0.113.9"),
        (["2001:db8::/32"], "2001:db8::1", "[2001:db9::1]:443", "2001:db9::1"),
        (["2001:db8::/32"], "2001:db9::1", "203.0.113.9", "2001:db9::1"),
        (["127.0.0.1", "::1"], "::1", "203.0.113.9", "203.0.113.9"),
        (["unix"], "", "203.0.113.9", "203.0.113.9"),
        (["*"], "10.0.0.7", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (["*"], "10.0.0.7", "", "10.0.0.7"),
    ],
)
def test_the_address_is_the_last_hop_that_is_no_trusted_proxy(
    rf: Any, settings: Settings, proxies: list[str], peer: str, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded})
    assert AccountAdapter().get_client_ip(request) == address


@pytest.mark.parametrize(
    ("proxies", "peer", "believed"),
    [
        ([], "127.0.0.1", False),
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["10.0.0.0/8"], "192.0.2.1", False),
        (["*"], "192.0.2.1", True),
    ],
)
def test_only_a_trusted_proxy_tells_scheme_host_and_request(
    rf: Any, settings: Settings, proxies: list[str], peer: str, believed: bool
) -> None:
    settings.TRUSTED_PROXIES = proxies
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil", "X-Request-ID": "a" * 20}
    request: HttpRequest = rf.get("/", REMOTE_ADDR=peer, headers=told)
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    believe_proxies(view)(request)
    assert seen[0].is_secure() is believed
    assert [name for name in told if name in seen[0].headers] == (list(told) if believed else [])
    assert seen[0].META[SCHEME_CLAIMED] == "https"  # for the page that tells what is wrong


@pytest.mark.parametrize(("peer", "opens"), [("10.1.2.3", True), ("192.0.2.1", False)])
def test_a_socket_believes_the_scheme_of_a_trusted_proxy_only(
    settings: Settings, peer: str, opens: bool
) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    scope = {
        "scheme": "ws",
        "client": [peer, 4711],
        "headers": [
            (b"host", b"testserver"),
            (b"origin", b"https://testserver"),
            (b"x-forwarded-proto", b"https"),
        ],
    }
    assert same_origin(scope) is opens


@pytest.mark.parametrize("value", ["proxy.example", "10.0.0.7/8", "yes", "10.0.0", "1.2.3.4:80"])
def test_another_value_stops_the_start_with_what_is_allowed(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"TRUSTED_PROXIES has .* address .* network"):
        parse([value])


@pytest.mark.parametrize(
    ("proxies", "platform", "told"),
    [
        (["*"], False, ["parley.W020"]),
        (["*"], True, []),
        (["10.0.0.0/8"], False, []),
        (["0.0.0.0/0"], True, ["parley.W020"]),
        ([], False, []),
    ],
)
def test_trusting_everybody_is_warned_of(
    settings: Settings, proxies: list[str], platform: bool, told: list[str]
) -> None:
    settings.TRUSTED_PROXIES = proxies
    settings.ON_PLATFORM = platform
    assert [one.id for one in checks.check_trusted_proxies()] == told


def test_daphnes_own_way_to_believe_proxies_stops_the_start() -> None:
    """It would take the first entry of X-Forwarded-For, which the client writes, for the peer."""
    start = "import sys; sys.argv.append('--proxy-headers'); import chatproject.asgi"
    done = subprocess.run(
        [sys.executable, "-c", start], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "TRUSTED_PROXIES" in done.stderr
    assert "Traceback" not in done.stderr
