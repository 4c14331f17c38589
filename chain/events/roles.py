"""Names the roles that an address can have for a proxy. Pure."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The role of an address for a proxy; `CODE` is the proxy's own code."""

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
    """The address that an externally owned account delegates to (EIP-7702)."""
