"""Reads the answers of explorers about a contract's verified source. Pure.

Sources: Etherscan API V2, `module=contract&action=getsourcecode` (docs.etherscan.io, "Contracts" and "Common Error Messages");
Sourcify APIv2, `GET /v2/contract/{chainId}/{address}` (its OpenAPI document).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from chain.events import Address

MAX_CHARACTERS = 120
"""Characters of a name or version that are stored. The person who verifies a contract chooses them."""
_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSeen:
    """Holds what the explorer `by` ("etherscan", "sourcify") has on a contract. Without verified source only `proxy` may be set.

    `proxy`: whether the explorer considers it a proxy; `implementation`: its target. None if the explorer does not say.
    """

    address: Address
    by: str
    verified: bool
    name: str | None = None
    compiler: str | None = None
    licence: str | None = None
    proxy: bool | None = None
    implementation: Address | None = None


class SourceExplorer(Protocol):
    """Looks up verified source."""

    async def look_up(self, address: Address) -> SourceSeen | None:
        """Return the explorer's entry; None if the explorer does not answer. Never raises."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


def etherscan_seen(address: Address, answer: Any) -> SourceSeen | None:
    """Read an answer to `getsourcecode`; None if it is a refusal or malformed."""
    if not isinstance(answer, dict) or answer.get("status") != "1":
        return None
    found = answer.get("result")
    one = found[0] if isinstance(found, list) and found else None
    if not isinstance(one, dict) or not isinstance(one.get("SourceCode"), str):
        return None
    target = one.get("Implementation")
    proxy = {"1": True, "0": False}.get(str(one.get("Proxy")))
    if not one["SourceCode"]:
        return SourceSeen(address=address, by="etherscan", verified=False, proxy=proxy)
    return SourceSeen(
        address=address,
        by="etherscan",
        verified=True,
        name=_text(one.get("ContractName")),
        compiler=_text(one.get("CompilerVersion")),
        licence=_text(one.get("LicenseType")),
        proxy=proxy,
        implementation=Address(target.lower()) if isinstance(target, str) and _ADDRESS.fullmatch(target) else None,
    )


def sourcify_seen(address: Address, answer: Any) -> SourceSeen | None:
    """Read an answer to a look-up; None if it is malformed."""
    if not isinstance(answer, dict) or answer.get("match", "") not in (None, "match", "exact_match"):
        return None
    compilation = answer.get("compilation")
    known = compilation if answer["match"] and isinstance(compilation, dict) else {}
    version = " ".join(one for one in (_text(known.get("compiler")), _text(known.get("compilerVersion"))) if one)
    return SourceSeen(
        address=address,
        by="sourcify",
        verified=bool(answer["match"]),
        name=_text(known.get("name")),
        compiler=version or None,
    )


def _text(value: Any) -> str | None:
    """Return short printable text; None for any other value."""
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value[:MAX_CHARACTERS] if letter.isprintable()).strip() or None
