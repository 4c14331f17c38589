"""Prices and amounts of concentrated liquidity, in the integers the contracts themselves use.

A price is token1 per token0 in smallest units; its square root is a Q64.96 fixed-point number. Ticks are powers of
1.0001. Source: TickMath.sol and SqrtPriceMath.sol of Uniswap v3-core 1.0.1 (v4-core 1.0.2 computes the same).
"""

from __future__ import annotations

import math
from math import isqrt

Q96 = 1 << 96
MAX_TICK = 887_272
BASIS = 10_000
"""Basis points in one."""

_RATIOS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001, 0xFFF97272373D413259A46990580E213A, 0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0, 0xFFCB9843D60F6159C9DB58835C926644, 0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861, 0xFE5DEE046A99A2A811C461F1969C3053, 0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54, 0xF3392B0822B70005940C7A398E4B70F3, 0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825, 0xA9F746462D870FDF8A65DC1F90E061E5, 0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6, 0x9AA508B5B7A84E1C677DE54F3E99BC9, 0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98, 0x48A170391F7DC42444E8FA2,
)  # fmt: skip


def sqrt_price_at(tick: int) -> int:
    """The square root of the price at a tick, Q64.96, as TickMath rounds it. Raises ValueError beyond ±887272."""
    if abs(tick) > MAX_TICK:
        raise ValueError(tick)
    ratio = 1 << 128
    for bit, factor in enumerate(_RATIOS):
        if abs(tick) >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = ((1 << 256) - 1) // ratio
    return (ratio >> 32) + (ratio % (1 << 32) != 0)


def tick_at(sqrt_price: int) -> int:
    """The greatest tick whose price is not above this one, within ±887272."""
    near = math.floor(2 * (math.log2(max(sqrt_price, 1)) - 96) / math.log2(1.0001))  # right to within a tick
    tick = min(max(near + 1, -MAX_TICK), MAX_TICK)
    while tick > -MAX_TICK and sqrt_price_at(tick) > sqrt_price:
        tick -= 1
    return tick


def moved_price(sqrt_price: int, bps: int) -> int:
    """The square root of a price moved by `bps` basis points (negative: down), rounded down."""
    return isqrt(sqrt_price * sqrt_price * (BASIS + bps) // BASIS)


def amount0_between(low: int, high: int, liquidity: int) -> int:
    """Token0 of this liquidity between two square roots of prices, rounded down."""
    return (liquidity * (high - low) << 96) // high // low


def amount1_between(low: int, high: int, liquidity: int) -> int:
    """Token1 of this liquidity between two square roots of prices, rounded down."""
    return liquidity * (high - low) >> 96


def amounts_of(sqrt_price: int, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
    """Both tokens of a position between two ticks at this price, as a withdrawal pays them (rounded down)."""
    low, high = sqrt_price_at(lower), sqrt_price_at(upper)
    inner = min(max(sqrt_price, low), high)
    return amount0_between(inner, high, liquidity), amount1_between(low, inner, liquidity)
