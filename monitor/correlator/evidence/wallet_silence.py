"""Finds halted withdrawals, whatever the venue declares: its hot wallets pay nothing for longer than is usual.

Grades a silence by how often chance alone would make one so long. Renews the evidence until outflows return, and withdraws it
if a reorg undoes it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from monitor.correlator.producer import FAR_PER_DAY, EvidenceBoard, Finding
from monitor.incidents import Leg
from monitor.signals import Signal, SignalKind, Subject

RENEWED_S = 60
MAX_S = 86_400.0
"""A silence without further signals is renewed no longer than this: an abandoned wallet is no evidence."""
MAX_SILENCES = 256


@dataclass(slots=True)
class _Silence:
    grade: int
    onset_s: float
    silent_s: float
    usual_s: float
    reported_s: float
    event_ids: tuple[str, ...]


class WalletSilenceEvidence:
    """Silences under way, by venue, asset and network."""

    kinds = frozenset({SignalKind.WALLET_SILENT, SignalKind.WALLET_RESUMED, SignalKind.RETRACTION})

    def __init__(self, board: EvidenceBoard) -> None:
        self._board = board
        self._silences: dict[tuple[str, str, str], _Silence] = {}

    def on_signal(self, signal: Signal, at_s: float) -> None:
        """Take a silence that grew longer or ended, or its retraction."""
        subject = signal.subject
        if subject.venue is None or subject.asset is None:
            return
        key = (subject.venue, subject.asset, subject.network or "")
        if signal.kind is SignalKind.WALLET_SILENT:
            self._lengthened(key, signal, at_s)
        elif signal.kind is SignalKind.WALLET_RESUMED:
            self._silences.pop(key, None)  # its evidence fades
        else:
            silence = self._silences.get(key)
            if silence is not None and str(signal.attributes.get("retracts")) == silence.event_ids[0]:
                del self._silences[key]
                self._board.withdraw(":".join(("wallet_silence", key[1], key[0], key[2])), retracted=True)

    def _lengthened(self, key: tuple[str, str, str], signal: Signal, at_s: float) -> None:
        per_day = signal.attributes.get("per_day")
        usual_s = signal.attributes.get("usual_s")
        grade = graded_by_rate(float(per_day) if isinstance(per_day, int | float) else 1.0)
        before = self._silences.pop(key, None)
        while len(self._silences) >= MAX_SILENCES:
            del self._silences[next(iter(self._silences))]
        self._silences[key] = _Silence(
            grade=max(grade, before.grade if before else 0),
            onset_s=before.onset_s if before else at_s - signal.value,
            silent_s=signal.value,
            usual_s=float(usual_s) if isinstance(usual_s, int | float) else 0.0,
            reported_s=at_s,
            event_ids=(*(before.event_ids if before else ()), str(signal.attributes.get("event_id", "")))[:8],
        )
        self._put(key, at_s)

    def _put(self, key: tuple[str, str, str], at_s: float) -> None:
        venue, asset, network = key
        silence = self._silences[key]
        silent_s = silence.silent_s + at_s - silence.reported_s
        self._board.put(
            Finding(
                name="wallet_silence",
                leg=Leg.VENUE,
                subject=Subject(asset=asset, venue=venue),
                key=network,
                grade=silence.grade,
                onset_s=silence.onset_s,
                at_s=at_s,
                half_life_s=self._board.settings.venue_half_life_s,
                value=silent_s,
                normal=silence.usual_s,
                unit="s",
                said=f"{venue} hot wallets paid out no {asset} on {network or 'its network'} for {silent_s:.0f} s "
                f"(its rhythm allows {silence.usual_s:.0f} s)",
            )
        )

    def on_second(self, now_s: float) -> None:
        """Renew the evidence of silences that last."""
        if int(now_s) % RENEWED_S:
            return
        for key in [one for one, silence in self._silences.items() if now_s - silence.reported_s > MAX_S]:
            del self._silences[key]
        for key in self._silences:
            self._put(key, now_s)


def graded_by_rate(per_day: float) -> int:
    """The highest grade whose false-alarm rate is at least `per_day`; 1 if none is."""
    rarest_first = sorted(FAR_PER_DAY.values())
    return max(len(rarest_first) - bisect_right(rarest_first, per_day * (1 - 1e-9)), 1)


PRODUCER = WalletSilenceEvidence
