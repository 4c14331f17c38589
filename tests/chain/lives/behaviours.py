"""Knows how people who provide liquidity live: each life is one person's, or one company's, doings over time.

Written from how liquidity is moved on public chains (routers, zaps, safes, gauges, migrators, bots, bridges, deposits at
exchanges), without regard to how it is matched here.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.chain.lives import moving, staying, through_contracts
from tests.chain.lives.stage import Stage
from tests.chain.lives.world import Life

LIVES: tuple[Callable[[Stage], Life], ...] = (
    staying.leaves,
    staying.sells_at_an_exchange,
    staying.crosses,
    staying.follows_the_price,
    staying.is_there_for_a_moment,
    staying.compounds,
    staying.happens_to_equal,
    staying.is_a_whale,
    staying.lends,
    staying.is_paid_out_by_an_exchange,
    moving.moves,
    moving.sells_some_and_moves,
    moving.hands_its_position_on,
    moving.comes_back_slowly,
    moving.goes_in_and_out,
    moving.moves_a_taxed_token,
    moving.goes_on_from_another_address,
    moving.splits,
    moving.gathers,
    moving.changes_the_quote,
    through_contracts.moves_at_once,
    through_contracts.zaps,
    through_contracts.unstakes_and_moves,
    through_contracts.moves_all_its_members,
    through_contracts.passes_through_the_networks_coin,
    through_contracts.moves_all_its_members_in_one_go,
)
NOISE = (staying.just_trades, staying.puts_in)
