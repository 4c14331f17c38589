"""What explorers say of a contract's verified source: their answers read, nothing asked. Pure.

Sources: Etherscan API V2, `module=contract&action=getsourcecode` (docs.etherscan.io, "Contracts" and "Common Error Messages");
Sourcify APIv2, `GET /v2/contract/{chainId}/{address}` (its OpenAPI document).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from chain.events import Address

MAX_CHARACTERS = 120
"""Characters of a name or version that are kept; whoever verifies a contract writes them."""
_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSeen:
    """What `by` ("etherscan", "sourcify") says of a contract. Without verified source all but `proxy` is None.

    `proxy` is whether the explorer takes it for a proxy, `implementation` of what; None where it does not say.
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
    """Somewhere that verified source is looked up."""

    async def look_up(self, address: Address) -> SourceSeen | None:
        """What it says; None where it does not answer. Never raises."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


def etherscan_seen(address: Address, answer: Any) -> SourceSeen | None:
    """Read an answer to `getsourcecode`; None where it is a refusal, or nothing that can be read."""
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
    """Read an answer to a look-up; None where nothing can be read."""
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
    """Short printable text; None for anything else."""
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value[:MAX_CHARACTERS] if letter.isprintable()).strip() or None
