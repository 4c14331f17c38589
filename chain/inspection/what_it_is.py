"""Tells what a contract is by the functions that its code has: a timelock, a ProxyAdmin, a beacon, a token with switches. Pure.

A function counts where the code compares its selector with its call data. This is what the code claims to be, not a proof.
Sources: @openzeppelin/contracts 4.9.6 and 5.x, Safe 1.3.0, Compound, Uniswap V2 to V3; FiatTokenV2 (USDC), TetherToken (USDT).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from chain.blocks.abi import selector_of
from chain.bytecode.selectors import selectors
from chain.control.timelocks import marks

FORMS: Mapping[str, tuple[str, ...]] = {
    "access_manager": ("setTargetFunctionRole(address,bytes4[],uint64)", "minSetback()"),
    "proxy_admin": ("upgradeAndCall(address,address,bytes)", "owner()"),
    "governor": ("votingDelay()", "votingPeriod()", "castVote(uint256,uint8)"),
    "beacon": ("implementation()", "upgradeTo(address)", "owner()"),
    "multicall": ("aggregate((address,bytes)[])",),
    "pool": ("token0()", "token1()"),
    "pool_factory": ("createPair(address,address)",),
    "token": (
        "totalSupply()",
        "balanceOf(address)",
        "transfer(address,uint256)",
        "transferFrom(address,address,uint256)",
    ),
    "nft": ("ownerOf(uint256)", "safeTransferFrom(address,address,uint256)"),
}
"""By form, the functions that all must be there; the first form that fits counts."""
SWITCHES = (
    "pause()", "setPaused(bool)", "blacklist(address)", "addBlackList(address)", "setBlacklist(address,bool)", "freeze(address)",
    "destroyBlackFunds(address)", "wipeFrozenAddress(address)", "deprecate(address)", "mint(address,uint256)", "issue(uint256)",
    "increaseSupply(uint256)", "setParams(uint256,uint256)", "enableTrading()", "openTrading()", "setTrading(bool)",
    "setTradingEnabled(bool)", "setFees(uint256,uint256)", "setFee(uint256)", "setTax(uint256)", "setMaxTxAmount(uint256)",
    "setMaxWallet(uint256)", "setBots(address[])",
)  # fmt: skip
"""Functions by which somebody can stop a token, take or make units of it, or tax its transfers."""
OWN_FORMS = frozenset({"safe", "governor", "access_manager"})
"""Kinds that `chain/control/timelocks` knows too, and that have a form of their own."""


def what_code_is(code: bytes) -> str | None:
    """The form of a code: "timelock" or one of `FORMS`; None where none fits."""
    functions = _functions(code)
    for form in ("access_manager", "governor"):
        if functions >= _BY_FORM[form]:
            return form
    if timelock_kind(code) is not None:
        return "timelock"
    return next((form for form, wanted in _BY_FORM.items() if functions >= wanted), None)


def timelock_kind(code: bytes) -> str | None:
    """The kind of timelock whose getters the code has; None where it is none."""
    functions = _functions(code)
    return next((kind for kind, wanted in _TIMELOCKS.items() if functions >= wanted), None)


def switches_of(code: bytes) -> tuple[str, ...]:
    """The functions of a token's code by which somebody can stop it, take or make units of it, or tax its transfers."""
    functions = _functions(code)
    return tuple(one for one in SWITCHES if _selector(one) in functions)


def _selector(signature: str) -> str:
    return f"0x{selector_of(signature).hex()}"


@lru_cache(maxsize=64)
def _functions(code: bytes) -> frozenset[str]:
    return selectors(code)


_BY_FORM = {form: frozenset(map(_selector, functions)) for form, functions in FORMS.items()}
_TIMELOCKS = {kind: frozenset(bodies) for kind, bodies in marks().items() if kind not in OWN_FORMS}
