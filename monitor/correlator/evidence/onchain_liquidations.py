"""Finds liquidations on chain that come faster than usual: Poisson-FOCuS per asset on the counts of whole minutes.

Lending markets liquidate in blocks, many at once, so they have a background of their own: among the counts of venues' feeds
they would only make those look clustered. The feed is complete. The thresholds are those of the venues' surges, raised by the
clustering of the counts; no recorded chain has measured them, so the grade is 2 at most. A reorg takes back what it undid: a
liquidation that its transaction makes again in another block is the same one (docs/detection.md, "Liquidations on chain").
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from monitor.correlator.producer import EvidenceBoard, Finding, graded
from monitor.detect.focus import NO_EXCESS, Excess, PoissonFocus
from monitor.detect.rate import Background
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

NAME = "onchain_liquidations"
BIN_S = 60
POISSON = (7.0, 10.7, 12.5, 15.0)
MAX_GRADE = 2
CLUSTERED_FANO = 1.3
RAW_BY_FANO = 2.14
WARM_BINS = 60
"""An hour is learned before the first judgement."""
FLOOR_PER_BIN = 0.05
"""Three an hour: the first few liquidations of an asset that has none for days are no surge."""
BACKGROUND_BINS = 1_440.0
"""Half-life of the usual rate: a day, because whole hours pass without one."""
RECENT_BINS = 20
MAX_BINS = 1_440
"""A surge of a day is the new usual rate, which is learned anew."""
MAX_KNOWN = 4_096
"""Liquidations that a reorg could still undo."""
MAX_UNDONE = 1_024


@dataclass(slots=True)
class _Known:
    """One liquidation: its minute, its transaction, its dollars (None: not known), and whether it was counted."""

    minute: int
    transaction: str
    usd: float | None
    counted: bool


class _Asset:
    """One asset over all its lending markets."""

    def __init__(self, mu_min: float) -> None:
        self.focus = PoissonFocus(mu_min)
        self.quiet = Background(BACKGROUND_BINS, FLOOR_PER_BIN)
        self.open = 0
        self.recent: deque[tuple[float, float]] = deque(maxlen=RECENT_BINS)
        self.known: dict[str, _Known] = {}
        self.undone: deque[str] = deque(maxlen=MAX_UNDONE)
        self.window: int | None = None

    def count(self, event_id: str, minute: int, transaction: str, usd: float | None) -> None:
        """Count a liquidation, unless its transaction was counted in a block that a reorg dropped."""
        counted = transaction not in self.undone
        self.known[event_id] = _Known(minute, transaction, usd, counted)
        if len(self.known) > MAX_KNOWN:
            del self.known[next(iter(self.known))]
        if counted:
            self.open += 1
        else:
            self.undone.remove(transaction)

    def undo(self, event_id: str, minute: int | None) -> bool:
        """Take a liquidation back; `minute` is the open one. Return whether nothing is left of the surge that was reported."""
        known = self.known.pop(event_id, None)
        if known is None:
            return False
        if known.counted and minute is not None and known.minute >= minute:
            self.open -= 1
        else:
            self.undone.append(known.transaction)
        left = [one for one in self.known.values() if self.window is not None and one.minute >= self.window]
        if self.window is None or left:
            return False
        self.window = None
        self.focus.reset()
        self.undone.clear()  # what comes back is counted, because nothing of it is any more
        return True

    def close(self) -> tuple[int, int, Excess]:
        """End the minute; return its count, the grade and the window behind it."""
        count, self.open = self.open, 0
        usual = self.quiet.upper
        if self.quiet.seconds < WARM_BINS:
            self.quiet.learn(count)
            return count, 0, NO_EXCESS
        self.recent.append((count, usual))
        best = self.focus.add(count, usual)
        fano = self.quiet.fano
        raised = 1 + RAW_BY_FANO * (fano - 1) if fano > CLUSTERED_FANO else 1.0
        grade = min(graded(best.statistic / raised, POISSON), MAX_GRADE)
        if best.bins > MAX_BINS:
            self.quiet = Background(BACKGROUND_BINS, FLOOR_PER_BIN)
        if grade and (self._is_over(best) or best.bins > MAX_BINS):
            self.focus.reset()
            grade = 0
        if not grade:
            self.quiet.learn(count)
        return count, grade, best

    def _is_over(self, surge: Excess) -> bool:
        """Whether the last minutes are nearer to the usual rate than to the surge's."""
        last = list(self.recent)[-surge.bins :]
        events, expected = sum(one for one, _ in last), sum(one for _, one in last)
        return events < expected * (1 + (surge.ratio - 1) / 4)


class OnchainLiquidationEvidence:
    """Surges of liquidations at lending markets."""

    kinds = frozenset({SignalKind.ONCHAIN_LIQUIDATION, SignalKind.RETRACTION, SignalKind.EXPECT})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._assets: dict[str, _Asset] = {}
        self._minute: int | None = None

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Count a liquidation, or take it back. An asset is learned from when its lenders are declared."""
        name = signal.subject.asset
        if name is None:
            return
        if signal.kind is SignalKind.RETRACTION:
            asset = self._assets.get(name)
            if asset is not None and asset.undo(str(signal.attributes.get("retracts", "")), self._minute):
                self._board.withdraw(f"{NAME}:{name}", retracted=True)
            return
        of = signal.attributes
        if signal.kind is SignalKind.EXPECT and (of.get("leg") != Leg.LIQUIDATION or of.get("class") != "chain"):
            return
        asset = self._assets.setdefault(name, _Asset(self._board.settings.mu_min))
        if signal.kind is SignalKind.EXPECT:
            return
        usd = signal.attributes.get("usd")
        asset.count(
            str(signal.attributes.get("event_id", "")),
            max(int(at_s) // BIN_S, self._minute or 0),
            str(signal.attributes.get("transaction", "")),
            float(usd) if isinstance(usd, int | float) else None,
        )

    def on_second(self, now_s: float) -> None:
        """Judge every minute that is over."""
        minute = int(now_s) // BIN_S
        if self._minute is not None and minute > self._minute:
            for name in sorted(self._assets):
                count, grade, best = self._assets[name].close()
                if grade and count:
                    self._put(name, self._assets[name], minute, grade, best)
        self._minute = minute

    def _put(self, name: str, asset: _Asset, minute: int, grade: int, best: Excess) -> None:
        asset.window = minute - best.bins
        own = [one.usd for one in asset.known.values() if one.minute >= asset.window]
        dollars = [one for one in own if one is not None]
        unknown = len(own) - len(dollars)
        usd = f"{sum(dollars):,.0f} USD" if dollars else "size in USD unknown"
        more = f", and {unknown} of unknown size" if dollars and unknown else ""
        usual = asset.quiet.rate
        self._board.put(
            Finding(
                name=NAME,
                leg=Leg.LIQUIDATION,
                subject=Subject(asset=name),
                grade=grade,
                onset_s=BIN_S * asset.window,
                at_s=BIN_S * minute,
                half_life_s=self._board.settings.liquidation_half_life_s,
                value=best.ratio * asset.quiet.upper,
                normal=usual,
                unit="1/min",
                said=f"{len(own)} liquidations on chain in {best.bins} min, usually {usual:.2g} a minute ({usd}{more})",
            )
        )


PRODUCER = OnchainLiquidationEvidence
