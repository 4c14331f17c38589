"""Lists the behaviours of liquidity providers: each is the sequence of actions of one person or company over time.

Written from how liquidity is moved on public chains (routers, zaps, safes, gauges, migrators, bots, bridges, deposits at
exchanges), without regard to how it is matched here.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.chain.histories import direct_moves, through_contracts, without_moves
from tests.chain.histories.stage import Stage
from tests.chain.histories.world import Behaviour

BEHAVIOURS: tuple[Callable[[Stage], Behaviour], ...] = (
    without_moves.leaves,
    without_moves.sells_at_an_exchange,
    without_moves.crosses,
    without_moves.follows_the_price,
    without_moves.is_there_for_a_moment,
    without_moves.compounds,
    without_moves.happens_to_equal,
    without_moves.is_a_whale,
    without_moves.lends,
    without_moves.is_paid_out_by_an_exchange,
    direct_moves.moves,
    direct_moves.sells_some_and_moves,
    direct_moves.hands_its_position_on,
    direct_moves.comes_back_slowly,
    direct_moves.goes_in_and_out,
    direct_moves.moves_a_taxed_token,
    direct_moves.goes_on_from_another_address,
    direct_moves.splits,
    direct_moves.gathers,
    direct_moves.changes_the_quote,
    through_contracts.moves_at_once,
    through_contracts.zaps,
    through_contracts.unstakes_and_moves,
    through_contracts.moves_all_its_members,
    through_contracts.passes_through_the_networks_coin,
    through_contracts.moves_all_its_members_in_one_go,
)
NOISE = (without_moves.just_trades, without_moves.puts_in)
