"""Judges the Host header of a request: a name that nobody configured may be a foreign page that reaches us by DNS rebinding.

A browser sends the name that it looked up. An attacker can let his own name lead to a loopback address, but he cannot make the
browser send another name: so only loopback names, the configured host and the operator's further names are served.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::\d{0,5})?")
_LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})


def host_of(header: str) -> str | None:
    """The lower-case host of a Host header without its port; None if it is none (RFC 9110, 7.2)."""
    found = _HOST.fullmatch(header.strip())
    return None if found is None else plain(found["v6"] or found["name"])


def plain(host: str) -> str:
    """A host as it is compared: lower case, without brackets and the last dot; an address in its shortest form."""
    host = host.strip().strip("[]").lower().rstrip(".")
    try:
        address = ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def is_loopback(address: str) -> bool:
    """Whether an address, as a socket gives it, is of this machine alone; an IPv4 address in an IPv6 one counts too."""
    try:
        return ip_address(plain(address.partition("%")[0])).is_loopback
    except ValueError:
        return False


def is_served(host: str, allowed: Iterable[str], reached: str | None) -> bool:
    """Whether a host of `host_of` is served: loopback, one of `allowed`, or `reached`, the address the connection came to."""
    if host in _LOOPBACK_NAMES or host in allowed or (reached is not None and host == plain(reached)):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
