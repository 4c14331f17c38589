"""Names the roles that an address can have for a proxy. Pure."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What an address is for a proxy, or (`CODE`) that the proxy's own code is meant."""

    PROXY = "proxy"
    IMPLEMENTATION = "implementation"
    SECONDARY = "secondary"
    """A second implementation, for other callers or functions."""
    BEACON = "beacon"
    DICTIONARY = "dictionary"
    TABLE = "table"
    """The address that answers with a diamond's table."""
    FACET = "facet"
    FACTORY = "factory"
    KERNEL = "kernel"
    ACL = "acl"
    PENDING = "pending"
    ADMIN = "admin"
    CODE = "code"
    DELEGATE = "delegate"
    """Whom an externally owned account delegates to (EIP-7702)."""
