"""Names functions by their selectors: those that change, move or stop a contract, as published by their projects. Pure.

A selector is the first four bytes of the Keccak-256 of a signature. Nobody is asked: a selector that is not in the list stays
a number. Sources: @openzeppelin/contracts 4.9.6 and 5.x, Safe 1.3.0, Uniswap V2 to V4, Compound, Aave V3, USDC (FiatTokenV2),
USDT (TetherToken), MakerDAO, EIP-2535, EIP-1538, Arbitrum and OP Stack bridges.
"""

from __future__ import annotations

from chain.blocks.abi import selector_of
from chain.control.call_data import CHANGES, ENVELOPES

SIGNATURES = (
    # ERC-20, ERC-721, ERC-1155, ERC-2612, WETH9, ERC-4626
    "name()", "symbol()", "decimals()", "totalSupply()", "balanceOf(address)", "allowance(address,address)",
    "transfer(address,uint256)", "approve(address,uint256)", "transferFrom(address,address,uint256)",
    "increaseAllowance(address,uint256)", "decreaseAllowance(address,uint256)", "mint(address,uint256)", "mint(uint256)",
    "burn(uint256)", "burn(address,uint256)", "burnFrom(address,uint256)", "nonces(address)", "DOMAIN_SEPARATOR()",
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", "safeTransferFrom(address,address,uint256)",
    "setApprovalForAll(address,bool)", "isApprovedForAll(address,address)", "ownerOf(uint256)", "tokenURI(uint256)",
    "supportsInterface(bytes4)", "deposit()", "withdraw(uint256)", "deposit(uint256,address)", "mint(uint256,address)",
    "withdraw(uint256,address,address)", "redeem(uint256,address,address)", "asset()", "totalAssets()", "multicall(bytes[])",
    # owners, roles, pauses
    "owner()", "transferOwnership(address)", "renounceOwnership()", "acceptOwnership()", "pendingOwner()", "setOwner(address)",
    "hasRole(bytes32,address)", "getRoleAdmin(bytes32)", "grantRole(bytes32,address)", "revokeRole(bytes32,address)",
    "renounceRole(bytes32,address)", "getRoleMember(bytes32,uint256)", "getRoleMemberCount(bytes32)", "DEFAULT_ADMIN_ROLE()",
    "beginDefaultAdminTransfer(address)", "acceptDefaultAdminTransfer()", "changeDefaultAdminDelay(uint48)",
    "grantRole(uint64,address,uint32)", "revokeRole(uint64,address)", "setTargetFunctionRole(address,bytes4[],uint64)",
    "setTargetClosed(address,bool)", "updateAuthority(address,address)", "setAuthority(address)", "authority()",
    "pause()", "unpause()", "paused()", "setPaused(bool)", "initialize()", "initialize(address)",
    # proxies
    "implementation()", "admin()", "proxiableUUID()", "upgradeTo(address)", "upgradeToAndCall(address,bytes)",
    "changeAdmin(address)", "changeProxyAdmin(address,address)", "getProxyAdmin(address)", "getProxyImplementation(address)",
    "upgrade(address,address)", "upgradeAndCall(address,address,bytes)", "UPGRADE_INTERFACE_VERSION()", "masterCopy()",
    "diamondCut((address,uint8,bytes4[])[],address,bytes)", "facets()", "facetAddress(bytes4)", "facetAddresses()",
    "facetFunctionSelectors(address)",
    # timelocks and governors
    "getMinDelay()", "updateDelay(uint256)", "setDelay(uint256)", "delay()", "cancel(bytes32)", "setPendingAdmin(address)",
    "acceptAdmin()", "cancelTransaction(address,uint256,string,bytes,uint256)",
    "hashOperation(address,uint256,bytes,bytes32,bytes32)",
    "getTimestamp(bytes32)", "castVote(uint256,uint8)", "state(uint256)", "setVotingDelay(uint48)", "setVotingPeriod(uint32)",
    "setProposalThreshold(uint256)", "updateTimelock(address)", "plot(address,bytes32,bytes,uint256)",
    "exec(address,bytes32,bytes,uint256)", "drop(address,bytes32,bytes,uint256)",
    # Safe
    "addOwnerWithThreshold(address,uint256)", "removeOwner(address,address,uint256)", "swapOwner(address,address,address)",
    "changeThreshold(uint256)", "enableModule(address)", "disableModule(address,address)", "setGuard(address)",
    "setFallbackHandler(address)", "getOwners()", "getThreshold()", "isOwner(address)", "approveHash(bytes32)",
    # switches of tokens
    "blacklist(address)", "unBlacklist(address)", "isBlacklisted(address)", "addBlackList(address)", "removeBlackList(address)",
    "destroyBlackFunds(address)", "deprecate(address)", "issue(uint256)", "redeem(uint256)", "setParams(uint256,uint256)",
    "configureMinter(address,uint256)", "removeMinter(address)", "updateMasterMinter(address)", "updatePauser(address)",
    "updateBlacklister(address)", "rescueERC20(address,address,uint256)", "freeze(address)", "unfreeze(address)",
    "wipeFrozenAddress(address)", "enableTrading()", "openTrading()", "setTrading(bool)", "setTradingEnabled(bool)",
    "setFees(uint256,uint256)", "setFee(uint256)", "setTax(uint256)", "setMaxTxAmount(uint256)", "setMaxWallet(uint256)",
    "excludeFromFee(address)", "setBots(address[])", "setBlacklist(address,bool)", "increaseSupply(uint256)",
    # pools, lenders, oracles, bridges
    "swap(uint256,uint256,address,bytes)", "mint(address)", "burn(address)", "sync()", "skim(address)", "getReserves()",
    "swap(address,bool,int256,uint160,bytes)", "createPair(address,address)", "createPool(address,address,uint24)",
    "setFeeTo(address)", "setFeeToSetter(address)", "setFeeProtocol(uint8,uint8)", "allPairs(uint256)", "token0()", "token1()",
    "allPairsLength()", "feeTo()", "feeToSetter()", "getPair(address,address)",
    "setReserveFreeze(address,bool)", "setReservePause(address,bool)", "setPoolPause(bool)", "setPriceOracle(address)",
    "setAssetSources(address[],address[])", "_setPriceOracle(address)", "_setMintPaused(address,bool)",
    "_setBorrowPaused(address,bool)", "_setCollateralFactor(address,uint256)", "proposeAggregator(address)",
    "confirmAggregator(address)", "setGateway(address[],address[],uint256[])", "setOracle(address)", "setPrice(uint256)",
    "withdrawAll()", "sweep(address)", "emergencyWithdraw(uint256)", "emergencyWithdraw()", "setMinter(address)",
    "transferAndCall(address,uint256,bytes)", "setImplementation(address)", "setTreasury(address)", "setOperator(address)",
)  # fmt: skip

_BY_SELECTOR = {f"0x{selector_of(one).hex()}": one for one in (*SIGNATURES, *ENVELOPES, *CHANGES)}


def function_of(selector: str) -> str | None:
    """The signature of the function with this selector ("0x" and 8 digits); None where the list has none."""
    return _BY_SELECTOR.get(selector)


def function_words(selector: str, arguments: str | None = None) -> str:
    """The signature; else the selector itself, with what is known of its arguments ("(address,uint256)")."""
    return function_of(selector) or f"{selector}{arguments or ''}"
