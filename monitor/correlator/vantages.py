"""Says by who sees what whether a venue fails, or only the way to it from some of our vantages. Pure.

A venue that fails from most vantages, on two networks or more, fails itself. What fails from fewer while others reach it is a
fault of the path, or of our own network where the vantage that fails does not reach its controls either.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from monitor.incidents import Fault

NETWORKS = 2
"""So many different networks must see it before a dissenting vantage is overruled, or the coverage rises above that of one."""
MAX_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class VantageView:
    """Who sees a venue fail and who reaches it, in order of name; `doubted` see it fail, but little else either.

    `fault`: PATH or LOCAL where others reach it; None where the vantages do not excuse the venue.
    """

    failing: tuple[str, ...] = ()
    reaching: tuple[str, ...] = ()
    doubted: tuple[str, ...] = ()
    fault: Fault | None = None

    @property
    def words(self) -> str:
        """Who dissents, in words; empty if nobody does."""
        if self.fault is Fault.LOCAL:
            return f"fails from {named(self.doubted)} alone, whose own network is in doubt; {named(self.reaching)} reached it"
        if self.fault is Fault.PATH:
            return f"fails from {named(self.failing)} alone; {named(self.reaching)} reached it"
        if self.failing and self.reaching:
            return f"fails from {named(self.failing)}; {named(self.reaching)} still reached it"
        return ""


NOBODY = VantageView()


def named(vantages: Collection[str]) -> str:
    """At most `MAX_NAMED` of these by name, and how many more."""
    first = sorted(vantages)[:MAX_NAMED]
    more = len(vantages) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def distinct(vantages: Collection[str], networks: Mapping[str, str]) -> int:
    """On how many different networks these are; one whose network is not declared may be on any, and adds none."""
    return len({networks[one] for one in vantages if one in networks})


def who_sees(
    failing: Collection[str], reaching: Collection[str], doubted: Collection[str], networks: Mapping[str, str]
) -> VantageView:
    """Join what the vantages see of one venue. `networks`: vantage -> the provider of its network."""
    fault = None
    if failing and reaching:
        outvoted = len(failing) > len(reaching) and distinct(failing, networks) >= NETWORKS
        fault = None if outvoted else Fault.PATH
    elif doubted and reaching:
        fault = Fault.LOCAL
    return VantageView(
        failing=tuple(sorted(failing)), reaching=tuple(sorted(reaching)), doubted=tuple(sorted(doubted)), fault=fault
    )
