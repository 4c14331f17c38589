"""Declares every parameter of the correlator, with its unit and the reason for its default (docs/detection.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelatorSettings:
    """Lengths in seconds, evidence in nats, probabilities 0..1."""

    lateness_ws_s: float = 2.0
    """How late a WebSocket signal may arrive and still be in order."""
    lateness_rest_s: float = 3.0
    """The same for polled checks, which are stamped on receipt."""
    lateness_chain_s: float = 3.0
    """The same for chain signals, which are ordered by receipt."""
    vantage_wait_s: float = 10.0
    """How long a second of several vantages waits for one that is behind the others; what that one sends later is late."""
    idle_gaps: float = 3.0
    """A source silent for this many expected gaps is idle: logged, and no longer waited for."""

    prior: float = 0.0027
    """Probability of a storm before any evidence. Fitted on simulated training seeds, so that stated probabilities come true
    (docs/score.md); the bounds below moved with it."""
    calm_nats: float = 1.0
    """a: the most that unseen calm could weigh against a storm."""
    storm_nats: float = 4.0
    """b: the most that an unseen leg could weigh for a storm; also the cap of a leg's evidence."""
    true_nats: float = 1.5
    """A leg is TRUE when its lower bound reaches this: seen stress survives discounting for blindness."""
    leave_nats: float = 0.75
    """A leg that was TRUE a second ago is TRUE until its lower bound falls under this: a finding that fades and is renewed, or
    stress at the bound, changes no level."""
    false_below_nats: float = 2.0
    false_coverage: float = 0.5
    """A leg is FALSE with evidence under `false_below_nats` and at least this coverage."""
    single_vantage_cap: float = 0.6
    """The most coverage of the venue leg from one vantage: our path could be at fault."""
    context_cap_nats: float = 0.5
    """The most that fragility may add: context makes a storm likelier, but never makes one."""

    storm_p: float = 0.73
    storm_leave_p: float = 0.54
    """A perfect storm is one until p_lo falls under this."""
    critical_p: float = 0.96
    critical_leave_p: float = 0.915
    """A storm that is critical stays so until p_lo falls under this."""
    enter_ticks: int = 2
    """Seconds a level must hold before it is reported; grade-4 evidence enters at once."""
    lower_ticks: int = 15
    """Seconds a lower level must hold before it is reported."""
    leave_p_hi: float = 0.54
    leave_after_s: float = 600.0
    """An episode ends when p_hi stays under `leave_p_hi` this long."""
    held_blind_max_s: float = 3600.0
    """How long an episode is held whose end cannot be seen; then it ends as unknown."""
    merge_s: float = 900.0
    """A new episode of the same scope within this time resumes the old one."""

    warm_s: float = 300.0
    """Seconds a stream is learned before it may produce evidence."""
    background_half_life_s: float = 1800.0
    """Half-life of the background rate of liquidations."""
    level_long_s: float = 14400.0
    """Time constant of the robust levels of books, and how long a state lasts until it is usual."""
    rate_floor: float = 0.001
    """Least background rate, events/s: the first events of an idle symbol are no surge."""
    mu_min: float = 1.5
    """Least ratio of events to expected events that counts as a surge: prevents alarms from slow drift."""

    cross_check_share: float = 0.25
    """Our liquidations of an interval under this share of another's count of the same venues: our feeds miss most of them."""

    liquidation_half_life_s: float = 180.0
    venue_half_life_s: float = 300.0
    book_half_life_s: float = 180.0
    liquidity_half_life_s: float = 3600.0
    upgrade_half_life_s: float = 21600.0
    queued_lead_s: float = 3600.0
    """A queued upgrade rises to grade 2 this long before its earliest execution."""
    queue_s: float = 300.0
    """Withdrawals that are declared delayed for so long do not wait for a block: they queue."""
    local_cooldown_s: float = 30.0
    """After our own network was down, venue evidence is not trusted for so long."""
    local_share: float = 0.8
    """Share of targets that must fail at once, in two rounds, for LOCAL."""
    market_share: float = 0.6
    """Share of venues in stress, while the controls answer, for MARKET."""
    providers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Provider -> the venues that it carries (one operator, one cloud): their stress at once counts once."""
    networks: Mapping[str, str] = field(default_factory=dict)
    """Vantage -> the provider of its network. Two vantages of one provider, or of none named here, see no more than one."""
    runbook_base: str = "ops/runbooks/"
    """Prefix of an alert's runbook link."""

    def __post_init__(self) -> None:
        for one in fields(self):  # 15 and 15.0 would give two digests
            if one.type == "float":
                object.__setattr__(self, one.name, float(getattr(self, one.name)))
        for name in (
            "prior",
            "storm_p",
            "storm_leave_p",
            "critical_p",
            "critical_leave_p",
            "leave_p_hi",
            "single_vantage_cap",
            "local_share",
            "cross_check_share",
        ):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} between 0 and 1")
        if self.mu_min <= 1:
            raise ValueError("mu_min above 1")
        for leave, enter in (
            ("leave_nats", "true_nats"),
            ("storm_leave_p", "storm_p"),
            ("critical_leave_p", "critical_p"),
        ):
            if getattr(self, leave) > getattr(self, enter):
                raise ValueError(f"{leave} of at most {enter}")
        if self.enter_ticks < 1 or self.lower_ticks < 1:
            raise ValueError("enter_ticks and lower_ticks of at least 1")
        for name in ("background_half_life_s", "level_long_s", "rate_floor", "idle_gaps", "vantage_wait_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} above 0")
        carried = Counter(venue for venues in self.providers.values() for venue in set(venues))
        if twice := sorted(venue for venue, count in carried.items() if count > 1):
            raise ValueError(f"providers that share no venue, not {', '.join(twice)}")
