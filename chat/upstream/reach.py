"""The network addresses that an endpoint may have.

Checked where a socket is made, on the address that is then connected to: whatever a name resolves
to the second time, in whatever form an address is written (`0x7f.1`, `::ffff:10.0.0.1`), nothing
is connected to that was not checked.
"""

from __future__ import annotations

import errno
import socket
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any


class Reach(IntEnum):
    """The network behind an address, the least harmful first."""

    PUBLIC = 0
    PRIVATE = 1
    """This machine, or a network that is not reached from elsewhere."""
    NEVER = 2
    """A network without endpoints: link-local, multicast, reserved, or a cloud's metadata."""


METADATA = [
    ip_network(network)
    for network in (
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure, a public address
        "192.0.0.192/32",  # Oracle Cloud
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google Cloud
        "fd00:42::42/128",  # Scaleway
    )
]
"""Networks in which clouds hand out credentials, beside the usual link-local address."""

_NAT64 = ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")
_COMPATIBLE = ip_network("::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
"""The 32 bits before the IPv4 address within the last 64 bits."""


class ForbiddenAddressError(OSError):
    """The address is forbidden. The text is the same for every address and port."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "Endpoints may not be at this network address")


def reach_of(address: str) -> Reach:
    """Classify an IP address. Raises ValueError for any other text."""
    ip = ip_address(address)
    found = [ip, *(_embedded(ip) if isinstance(ip, IPv6Address) else [])]
    return max(_reach(one) for one in found)


def _embedded(ip: IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The IPv4 addresses that an IPv6 address stands for."""
    found: list[IPv4Address | IPv6Address | None] = [ip.ipv4_mapped, ip.sixtofour]
    found += ip.teredo or ()
    isatap = int(ip) >> 32 & 0xFFFFFFFF in _ISATAP
    if ip in _NAT64 or ip in _LOCAL_NAT64 or isatap or (ip in _COMPATIBLE and int(ip) > 1):
        found.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


def _reach(ip: IPv4Address | IPv6Address) -> Reach:
    if ip.is_link_local or ip.is_multicast or any(ip in network for network in METADATA):
        return Reach.NEVER
    if isinstance(ip, IPv6Address) and (ip.ipv4_mapped or ip in _NAT64 or ip in _COMPATIBLE):
        # The embedded address counts, except for `::` and `::1`.
        return Reach.PRIVATE if int(ip) <= 1 else Reach.PUBLIC
    if isinstance(ip, IPv4Address) and ip.is_reserved:
        return Reach.NEVER
    if isinstance(ip, IPv6Address) and ip.is_site_local:
        return Reach.PRIVATE
    return Reach.PUBLIC if ip.is_global else Reach.PRIVATE


class Guard:
    """Makes the sockets of one client, where they may lead."""

    def __init__(self, *, private: bool) -> None:
        self._limit = Reach.PRIVATE if private else Reach.PUBLIC
        self.met_private = False
        """True once a connection to a private address has been tried."""

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for this result of `getaddrinfo`. Raises ForbiddenAddressError."""
        family, kind, protocol, _, address = info
        reach = reach_of(address[0])
        if reach > self._limit:
            raise ForbiddenAddressError
        self.met_private = self.met_private or reach is Reach.PRIVATE
        return socket.socket(family, kind, protocol)
