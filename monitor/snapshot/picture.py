"""Draws an incident over time: the state and the coverage of each leg, and how much could leave, as SVG and as PNG.

One version of matplotlib gives the same bytes each time. It is imported late; without it a snapshot has no picture.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

from monitor.incidents import LEGS, ExitCapacity, IncidentChange, Leg, LegState, LegVerdict
from monitor.signals.plain_text import one_line
from monitor.snapshot.clean import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SVG = "incident.svg"
PNG = "incident.png"
WORDS = "Over time: the state of each leg, its coverage, and how much could leave"
MAX_POINTS = 2000
"""Of a longer incident, every so many-th change is drawn, and the last."""
SIZE_IN = (9.0, 7.0)
DOTS_PER_IN = 110

_STATES = {  # a colour and a height each: a reader who sees no colours still tells them apart
    LegState.TRUE: ("#b3261e", 0.8),
    LegState.UNKNOWN: ("#9a9a9a", 0.45),
    LegState.FALSE: ("#7fb08a", 0.15),
}
_LINES = {Leg.LIQUIDATION: ("#1f5fa8", "-"), Leg.VENUE: ("#a8621f", "--"), Leg.MIGRATION: ("#5a2f8f", ":")}
_STYLE: Any = {
    "svg.hashsalt": "stormwatch",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
}


def pictures(changes: Sequence[IncidentChange]) -> dict[str, bytes]:
    """The picture of an incident by file name; empty without matplotlib, and where no change has a verdict."""
    judged = [one for one in changes if one.verdict is not None]
    if not judged or find_spec("matplotlib") is None:
        return {}
    step = len(judged) // MAX_POINTS + 1
    shown = [*judged[:-1:step], judged[-1]]
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # the reader's own style must not change the bytes
        mpl.rcParams.update(_STYLE)
        warnings.simplefilter("ignore", UserWarning)  # a font without a sign of an asset's name
        figure = _drawn(shown)
        svg, png = BytesIO(), BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": "stormwatch"})
        figure.savefig(png, format="png", dpi=DOTS_PER_IN, metadata={"Software": "stormwatch"})
    return {SVG: svg.getvalue(), PNG: png.getvalue()}


def _drawn(changes: Sequence[IncidentChange]) -> Figure:
    import matplotlib.dates
    from matplotlib.figure import Figure

    dates: Any = matplotlib.dates
    figure = Figure(figsize=SIZE_IN, layout="constrained")
    legs, coverage, leave = figure.subplots(3, 1, sharex=True, height_ratios=(1.1, 1, 1.2))
    times = [one.at for one in changes]
    end = max(times[-1], times[0] + timedelta(seconds=1)) + (times[-1] - times[0]) / 20
    figure.suptitle(one_line(clean(f"{changes[-1].scope}, UTC"), 80), fontsize=11)
    _legs(legs, changes, [*times, end])
    _coverage(coverage, changes, [*times, end])
    _leave(leave, [one.exit for one in changes], [*times, end])
    drawn: Any = leave  # its types know no dates
    drawn.set_xlim(times[0], end)
    drawn.xaxis.set_major_locator(dates.AutoDateLocator(tz=times[0].tzinfo))
    drawn.xaxis.set_major_formatter(dates.DateFormatter("%H:%M:%S", tz=times[0].tzinfo))
    return figure


def _leg(change: IncidentChange, leg: Leg) -> LegVerdict | None:
    assert change.verdict is not None
    return next((one for one in change.verdict.legs if one.leg is leg), None)


def _legs(axes: Axes, changes: Sequence[IncidentChange], times: Sequence[datetime]) -> None:
    from matplotlib.patches import Patch

    drawn: Any = axes
    for row, leg in enumerate(reversed(LEGS)):
        for change, start, end in zip(changes, times[:-1], times[1:], strict=True):
            verdict = _leg(change, leg)
            colour, height = _STATES[LegState.UNKNOWN if verdict is None else verdict.state]
            drawn.barh(row, end - start, left=start, height=height, color=colour, linewidth=0)
    axes.set_yticks(range(len(LEGS)), [str(one) for one in reversed(LEGS)])
    axes.set_title("legs", loc="left", fontsize=10)
    patches = [Patch(facecolor=colour, label=str(state)) for state, (colour, _height) in _STATES.items()]
    axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)


def _coverage(axes: Axes, changes: Sequence[IncidentChange], times: Sequence[datetime]) -> None:
    drawn: Any = axes
    for leg in LEGS:
        seen = [float("nan") if (one := _leg(change, leg)) is None else 100 * one.coverage for change in changes]
        colour, line = _LINES[leg]
        drawn.step(times, [*seen, seen[-1]], where="post", color=colour, linestyle=line, label=str(leg))
    axes.set_ylim(-5, 105)
    axes.set_title("coverage, %", loc="left", fontsize=10)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)


def _leave(axes: Axes, exits: Sequence[ExitCapacity | None], times: Sequence[datetime]) -> None:
    drawn: Any = axes
    known = False
    for minutes, words, line in ((1, "in a minute", "-"), (60, "in an hour", "--")):
        found = [None if one is None else one.usd(1, minutes) for one in exits]
        amounts = [float("nan") if one is None else one / 1e6 for one in found]
        known = known or any(one is not None for one in found)
        drawn.step(times, [*amounts, amounts[-1]], where="post", color="#222222", linestyle=line, label=words)
    axes.set_title("could leave within 1 %, M USD" if known else "could leave: not known", loc="left", fontsize=10)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
