"""Lists what users rely on in the correlator, and for each feature the smallest edit that removes it."""

from __future__ import annotations

from tests.mutants.feature import Feature, swap

FEATURES = (
    swap(
        "a fault of our own network is LOCAL",
        "monitor.correlator.assessment",
        "AssetAssessor._fault",
        "return Fault.LOCAL",
        "pass",
    ),
    swap(
        "a fault of the network path is PATH",
        "monitor.correlator.assessment",
        "AssetAssessor._fault",
        "return Fault.PATH",
        "return Fault.VENUE",
    ),
    swap(
        "a fault of most venues at once is MARKET",
        "monitor.correlator.assessment",
        "AssetAssessor._fault",
        "return Fault.MARKET",
        "pass",
    ),
    Feature(
        "a throttled feed has less trust", "monitor.correlator.evidence.liquidation_surge", "_Feed.shown", "return 1.0"
    ),
    swap(
        "a clustered stream is also judged by its clipped counts",
        "monitor.correlator.evidence.liquidation_surge",
        "_Asset.judge",
        "if fano > CLUSTERED_FANO:",
        "if False:",
    ),
    swap(
        "a single vantage caps the venue leg",
        "monitor.correlator.assessment",
        "AssetAssessor._leg_coverage",
        "min(coverage, self._s.single_vantage_cap)",
        "coverage",
    ),
    swap(
        "a leg's evidence is capped", "monitor.correlator.fusion", "leg_nats", "min(uncapped, s.storm_nats)", "uncapped"
    ),
    swap(
        "fragility is capped",
        "monitor.correlator.assessment",
        "AssetAssessor.assess",
        "now_s)), self._s.context_cap_nats)",
        "now_s)), 1e9)",
    ),
    swap(
        "the signals of a second are judged in event order",
        "monitor.correlator.sequencer",
        "Sequencer._release",
        "entries.sort(key=_order)",
        "pass",
    ),
    swap("late signals are counted", "monitor.correlator.sequencer", "Sequencer.push", "self.late += 1", "pass"),
    swap(
        "a live second is judged when every source has passed it",
        "monitor.correlator.sequencer",
        "Sequencer.complete",
        "self._release(min(",
        "self._release(min(self._next, ",
    ),
    swap(
        "a live second waits for slow liquidations",
        "monitor.correlator.sequencer",
        "Sequencer.complete",
        "self._transit.largest(now_s)",
        "0.0",
    ),
    swap(
        "a live run never goes beyond its latest signal",
        "monitor.correlator.sequencer",
        "Sequencer.complete",
        ", floor(self._latest_s) + 1)",
        ", 10**12)",
    ),
    Feature(
        "a live signal after its second says which one it joins",
        "monitor.correlator.sequencer",
        "Sequencer.admit",
        "return signal",
    ),
    swap(
        "an incident is held while its legs are blind",
        "monitor.correlator.episodes",
        "Episode._ending",
        "self.state is IncidentState.OPEN and dark_s >=",
        "False and dark_s >=",
    ),
    swap(
        "an incident that stays blind ends as unknown",
        "monitor.correlator.episodes",
        "Episode._ending",
        "IncidentState.ENDED_UNKNOWN, ChangeKind.ENDED_UNKNOWN",
        "IncidentState.ENDED, ChangeKind.ENDED",
    ),
    swap(
        "an incident opens only after several seconds",
        "monitor.correlator.episodes",
        "Episode._opening",
        "self._higher < self._s.enter_ticks",
        "False",
    ),
    swap(
        "an incident ends only after a time of calm",
        "monitor.correlator.episodes",
        "Episode._ending",
        "observed.now_s - self._calm_s >=",
        "1e9 >=",
    ),
    swap(
        "an incident ends only at a lower probability than it opened at",
        "monitor.correlator.episodes",
        "Episode._ending",
        "and observed.p_hi <= self._s.leave_p_hi",
        "",
    ),
    swap(
        "an incident is retracted when its evidence was retracted",
        "monitor.correlator.episodes",
        "Episode._going_on",
        "observed.retracted and observed.level",
        "False and observed.level",
    ),
    swap(
        "sequence gaps lower a source's coverage",
        "monitor.correlator.coverage",
        "SourceCoverage.coverage",
        "fresh * (1 - min(0.05 * recent, 0.5))",
        "fresh",
    ),
    swap(
        "a channel that is not proved covers nothing, whatever its siblings send",
        "monitor.correlator.coverage",
        "Coverage.seen",
        "source.claimed(asset) * source",
        "source",
    ),
    Feature("a reading that cannot be true is not admitted", "probes.readings.admission", "refused", "return None"),
    swap(
        "a rare channel that is not acknowledged again is silent",
        "probes.feeds.claims",
        "Claims._silence",
        "if unproved else []",
        "if False else []",
    ),
    Feature(
        "an error code that nobody knows is no evidence while one check of one venue shows it",
        "monitor.correlator.evidence.venue_failures",
        "VenueFailuresEvidence._is_confirmed",
        "return True",
    ),
    Feature("a page in front of a venue has the kind that it says", "probes.rest.refusals", "_by_page", "return None"),
    Feature(
        "a figure in another currency is no figure in dollars",
        "probes.readings.dollars",
        "in_dollars",
        "return reading",
    ),
    swap(
        "a source known to be blind has no coverage",
        "monitor.correlator.coverage",
        "SourceCoverage.coverage",
        "return 0.0",
        "return 1.0",
    ),
)
