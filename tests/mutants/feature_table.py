"""Lists the features that users rely on, and for each the smallest edit that removes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: the function that implements it, and either a new `body` for it or `swaps` of text in it."""

    name: str
    module: str
    function: str
    body: str | None = None
    swaps: tuple[tuple[str, str], ...] = ()


def _swap(name: str, module: str, function: str, old: str, new: str) -> Feature:
    return Feature(name, module, function, swaps=((old, new),))


PROBES = (
    Feature("a request never starts before Retry-After has passed", "probes.rest.budget", "Budgets.wait_until", "pass"),
    _swap("the last tenth of a budget is never spent", "probes.rest.budget", "Budgets._share", "1 - RESERVE", "1"),
    _swap(
        "statistics leave a part of the budget to books and signs of life",
        "probes.rest.budget",
        "Budgets._share",
        "SHARES[priority]",
        "1 - RESERVE",
    ),
    _swap(
        "a throttling silences its own budget only",
        "probes.rest.budget",
        "Budgets.wait_until",
        "self._budget_scope(call), until_s",
        'Scope("host", call.host), until_s',
    ),
    _swap(
        "a header of one host says nothing about another's budget",
        "probes.rest.budget",
        "Budgets.learn",
        "call.host not in budget.hosts",
        "False",
    ),
    Feature(
        "the used budget that a venue reports replaces our own count", "probes.rest.budget", "Budgets.learn", "return"
    ),
    Feature("a Retry-After header is read", "probes.rest.refusals", "retry_after_s", "return None"),
    _swap(
        "a stated wait has a ceiling",
        "probes.rest.budget",
        "Budgets.wait_until",
        "min(until_s, now_s + max_wait_s(kind))",
        "until_s",
    ),
    _swap(
        "a wait is tried now and then",
        "probes.rest.floors",
        "Floor.allows",
        "(trial and now_s >= self.trial_s)",
        "False",
    ),
    _swap("the pauses between trials double", "probes.rest.floors", "Floor.sent", "2 * self.pause_s", "self.pause_s"),
    Feature("a good answer ends a throttling", "probes.rest.budget", "Budgets.answered", "pass"),
    Feature("a redirected handshake is refused", "probes.rest.http", "refuse_redirect", "return None"),
    _swap(
        "a redirect has a kind of its own", "probes.rest.refusals", "by_answer", "if status in REDIRECTS:", "if False:"
    ),
    Feature("a web page in place of an answer is a refusal", "probes.rest.refusals", "is_html", "return False"),
    _swap(
        "the pause before a feed reconnects doubles",
        "probes.feeds.backoff",
        "BackOff.after",
        "2 * self._bound_s",
        "self._bound_s",
    ),
    _swap(
        "a silent feed is reported",
        "probes.feeds.interpreter",
        "FeedReader.second",
        "and not self._silent",
        "and False",
    ),
    _swap(
        "liquidations from before the subscription are marked as backlog",
        "probes.feeds.interpreter",
        "FeedReader.frame",
        "replace(said, backlog=True)",
        "said",
    ),
    _swap(
        "a sequence gap in a feed is reported",
        "probes.feeds.books",
        "FeedBooks.change",
        "is not Applied.GAP",
        "is Applied.GAP",
    ),
    Feature(
        "a sequence gap requests a new snapshot or connection",
        "probes.feeds.books",
        "FeedBooks.snapshots_needed",
        "return []",
    ),
    Feature("a book accepts only the next number of its sequence", "probes.book", "Book._follows", "return True"),
    _swap("a crossed book is reported", "probes.book", "Book._state", "if best_bid >= best_ask:", "if False:"),
    _swap("a frozen book is reported", "probes.book", "Book._state", "> frozen_after_s", "> 1e12"),
    _swap(
        "the error bound of a clock offset is half the round trip",
        "probes.clock_offset",
        "ClockOffset.best",
        "rtt_s / 2",
        "0.0",
    ),
    _swap(
        "the clock offset of the fastest answer is used",
        "probes.clock_offset",
        "ClockOffset.best",
        "min(self._samples, key=lambda one: one[1])",
        "self._samples[-1]",
    ),
    _swap(
        "latency counts from the scheduled time of the check",
        "probes.rest.interpreter",
        "request_reading",
        "(got.received_at - slot.scheduled_at)",
        "(got.received_at - got.sent_at)",
    ),
)

CHAIN = (
    _swap(
        "events that a reorg removed are retracted",
        "chain.sync.watcher",
        "Watcher._take_back",
        "event_id=event.event_id, event=event) for event in gone",
        "event_id=event.event_id, event=event) for event in ()",
    ),
    _swap(
        "the detectors' memories are restored after a reorg",
        "chain.sync.watcher",
        "Watcher._take_back",
        "detectors.recall(self._canonical.tip.memories)",
        "pass",
    ),
    Feature("nodes agree on logs", "chain.nodes.fetch", "_agreed_logs", "return by_node[next(iter(by_node))]"),
    Feature(
        "many reads are split over several multicalls",
        "chain.rpc.multicall",
        "_parts",
        "return (reads,) if reads else ()",
    ),
    _swap(
        "events that are decided but not yet delivered survive a restart",
        "chain.sync.checkpoint",
        "Checkpoint.encode",
        "[_plain(event) for event in self.pending]",
        "[]",
    ),
    Feature(
        "a checkpoint of another version is refused",
        "chain.sync.checkpoint",
        "decode",
        swaps=(('found.get("version") != VERSION', "False"),),
    ),
    Feature("a block must continue the last one", "chain.sync.canonical", "CanonicalWindow.follows", "return True"),
)

CORRELATOR = (
    _swap(
        "a fault of our own network is LOCAL",
        "monitor.correlator.assessment",
        "AssetAssessor._fault",
        "return Fault.LOCAL",
        "pass",
    ),
    _swap(
        "a fault of the network path is PATH",
        "monitor.correlator.assessment",
        "AssetAssessor._fault",
        "return Fault.PATH",
        "return Fault.VENUE",
    ),
    _swap(
        "a fault of most venues at once is MARKET",
        "monitor.correlator.assessment",
        "AssetAssessor._fault",
        "return Fault.MARKET",
        "pass",
    ),
    Feature(
        "a throttled feed has less trust", "monitor.correlator.evidence.liquidation_surge", "_Feed.shown", "return 1.0"
    ),
    _swap(
        "a clustered stream is also judged by its clipped counts",
        "monitor.correlator.evidence.liquidation_surge",
        "_Asset.judge",
        "if fano > CLUSTERED_FANO:",
        "if False:",
    ),
    _swap(
        "a single vantage caps the venue leg",
        "monitor.correlator.assessment",
        "AssetAssessor._leg_coverage",
        "min(coverage, self._s.single_vantage_cap)",
        "coverage",
    ),
    _swap(
        "a leg's evidence is capped", "monitor.correlator.fusion", "leg_nats", "min(uncapped, s.storm_nats)", "uncapped"
    ),
    _swap(
        "fragility is capped",
        "monitor.correlator.assessment",
        "AssetAssessor.assess",
        "now_s)), self._s.context_cap_nats)",
        "now_s)), 1e9)",
    ),
    _swap(
        "the signals of a second are judged in event order",
        "monitor.correlator.sequencer",
        "Sequencer._release",
        "entries.sort(key=_order)",
        "pass",
    ),
    _swap("late signals are counted", "monitor.correlator.sequencer", "Sequencer.push", "self.late += 1", "pass"),
    _swap(
        "a live second is judged when every source has passed it",
        "monitor.correlator.sequencer",
        "Sequencer.complete",
        "self._release(min(",
        "self._release(min(self._next, ",
    ),
    _swap(
        "a live second waits for slow liquidations",
        "monitor.correlator.sequencer",
        "Sequencer.complete",
        "self._transit.largest(now_s)",
        "0.0",
    ),
    _swap(
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
    _swap(
        "an incident is held while its legs are blind",
        "monitor.correlator.episodes",
        "Episode._ending",
        "self.state is IncidentState.OPEN and dark_s >=",
        "False and dark_s >=",
    ),
    _swap(
        "an incident that stays blind ends as unknown",
        "monitor.correlator.episodes",
        "Episode._ending",
        "IncidentState.ENDED_UNKNOWN, ChangeKind.ENDED_UNKNOWN",
        "IncidentState.ENDED, ChangeKind.ENDED",
    ),
    _swap(
        "an incident opens only after several seconds",
        "monitor.correlator.episodes",
        "Episode._opening",
        "self._higher < self._s.enter_ticks",
        "False",
    ),
    _swap(
        "an incident ends only after a time of calm",
        "monitor.correlator.episodes",
        "Episode._ending",
        "observed.now_s - self._calm_s >=",
        "1e9 >=",
    ),
    _swap(
        "an incident ends only at a lower probability than it opened at",
        "monitor.correlator.episodes",
        "Episode._ending",
        "and observed.p_hi <= self._s.leave_p_hi",
        "",
    ),
    _swap(
        "an incident is retracted when its evidence was retracted",
        "monitor.correlator.episodes",
        "Episode._going_on",
        "observed.retracted and observed.level",
        "False and observed.level",
    ),
    _swap(
        "sequence gaps lower a source's coverage",
        "monitor.correlator.coverage",
        "SourceCoverage.coverage",
        "fresh * (1 - min(0.05 * recent, 0.5))",
        "fresh",
    ),
    _swap(
        "a channel that is not proved covers nothing, whatever its siblings send",
        "monitor.correlator.coverage",
        "Coverage.seen",
        "source.claimed(asset) * source",
        "source",
    ),
    Feature("a reading that cannot be true is not admitted", "probes.readings.admission", "refused", "return None"),
    _swap(
        "a rare channel that is not acknowledged again is silent",
        "probes.feeds.claims",
        "Claims._silence",
        "if one.topic.rare and one.covers",
        "if False and one.covers",
    ),
    _swap(
        "a rare channel must give proof every few seconds",
        "probes.feeds.claims",
        "Claim.due",
        "feed.prove_s",
        "feed.renew_s",
    ),
    _swap(
        "a liquidation channel that is only acknowledged covers less than calm needs",
        "monitor.correlator.coverage",
        "SourceCoverage.claim",
        "ACKNOWLEDGED_SIGHT, reason",
        "1.0, reason",
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
    _swap(
        "a source known to be blind has no coverage",
        "monitor.correlator.coverage",
        "SourceCoverage.coverage",
        "return 0.0",
        "return 1.0",
    ),
)

DELIVERY = (
    Feature("secrets are redacted", "monitor.telemetry.redact", "redact", "return text"),
    _swap("passwords in URLs are redacted", "monitor.telemetry.redact", "_rest", 'if "@" in authority:', "if False:"),
    _swap(
        "a sink goes on behind the last change that it acknowledged",
        "monitor.alerting.sink_reader",
        "SinkReader.open",
        "max(place.position, memory.reached)",
        "self._log.end",
    ),
    _swap(
        "the end of an incident is told after a restart",
        "monitor.alerting.sink_reader",
        "SinkReader.open",
        "Router(self.route.rule, memory.notes)",
        "Router(self.route.rule)",
    ),
    _swap(
        "a change that is too old is told as missed",
        "monitor.alerting.sink_reader",
        "SinkReader._is_late",
        "> self.route.stale_after_s",
        "> 1e12",
    ),
    _swap(
        "a note that was not accepted in time is told when the receiver is back",
        "monitor.alerting.sink_reader",
        "SinkReader._pay",
        "in tuple(self._owed.values())",
        "in ()",
    ),
    Feature(
        "what the log no longer holds is told",
        "monitor.alerting.sink_reader",
        "SinkReader._look_for_loss",
        "return",
    ),
    _swap(
        "a sink is not called again before its Retry-After has passed",
        "monitor.alerting.attempts",
        "Attempts._wait_s",
        "max(backoff(state), _retry_after_s(state))",
        "backoff(state)",
    ),
    _swap(
        "delivery of a note makes way after a time",
        "monitor.alerting.sink_reader",
        "SinkReader._settle",
        "self.attempts.until(client, note, limit_s)",
        "self.attempts.until(client, note, 1e12)",
    ),
    _swap(
        "a revision goes to a sink once",
        "monitor.alerting.routing",
        "decide",
        "change.revision <= last_note.revision",
        "False",
    ),
    _swap(
        "changes below the minimum level are not routed",
        "monitor.alerting.routing",
        "decide",
        "change.level < rule.min_level",
        "False",
    ),
    _swap(
        "updates are sent at most once per repeat time",
        "monitor.alerting.routing",
        "decide",
        "since_s < rule.repeat_s",
        "False",
    ),
    Feature("webhooks are signed", "monitor.alerting.sinks.webhook", "signature", 'return f"t={unix_s},v1="'),
    _swap(
        "the time is part of a webhook's signature",
        "monitor.alerting.sinks.webhook",
        "signature",
        'b"%d." % unix_s + body',
        "body",
    ),
    Feature(
        "a retried webhook has its idempotency key",
        "monitor.alerting.sink",
        "Note.key",
        "return quote(self.title)",
    ),
)

STORE = (
    _swap(
        "a chunk that was written is not written again",
        "monitor.store.reader",
        "StoreReader._find_place",
        "position = await session.position(end)",
        "position = self._position; await session.position(end)",
    ),
    _swap(
        "rows and their place are written together",
        "monitor.store.session",
        "Session._transaction",
        'queries()["begin"]',
        '"select 1"',
    ),
    Feature("one daemon a vantage holds the lease", "monitor.store.session", "Session._check_lease", "return"),
    _swap(
        "an idle reader renews its lease",
        "monitor.store.reader",
        "StoreReader._follow",
        "await session.renew(connect_s)",
        "pass",
    ),
    _swap(
        "a row the server refuses is set aside",
        "monitor.store.reader",
        "StoreReader._write_carefully",
        "await asyncio.to_thread(self._refused.put, bad)",
        "pass",
    ),
    _swap(
        "a statement that is not answered costs its connection",
        "monitor.store.session",
        "Session._limited",
        "expired or isinstance(error, TimeoutError)",
        "False",
    ),
    _swap(
        "a server that is only slow is given longer",
        "monitor.store.reader",
        "StoreReader._follow",
        "connect_s * 2**self._silences",
        "connect_s",
    ),
)

LOG = (
    Feature("room is kept on the disk", "monitor.log.reserve", "Reserve.take", "return"),
    _swap(
        "a change is in the log once",
        "monitor.log.sqlite_log",
        "SqliteLog._entries",
        "stream is Stream.CHANGE and (",
        "False and (",
    ),
    _swap(
        "the places of the readers survive a restart",
        "monitor.log.segments",
        "Segments._starting_places",
        "stored.get(name, new[name])",
        "new[name]",
    ),
    _swap(
        "routine signals go before whole segments",
        "monitor.log.segments",
        "Segments.tidy",
        "if not self._thin_oldest():",
        "if True:",
    ),
    _swap(
        "one daemon uses the folder of a log",
        "monitor.log.segments",
        "Segments._lock",
        "if not _locked(file):",
        "if False:",
    ),
    Feature("a restart continues from the image", "monitor.daemon.resume", "_thawed", "return None, 0"),
    _swap(
        "no other program thaws an image", "monitor.daemon.resume", "_thawed", "if image.code !=", "if False and 1 !="
    ),
    Feature("another program adopts the incidents", "monitor.correlator.engine", "Correlator.adopt", "return"),
    _swap(
        "what is not watched any more is left out",
        "monitor.daemon.resume",
        "resumed",
        "thawed is not None or watched.hears(one)",
        "True",
    ),
    _swap(
        "an incident that nobody watches any more ends as unknown",
        "monitor.correlator.engine",
        "Correlator.adopt",
        "if episode.open and not is_watched(change.scope):",
        "if False:",
    ),
    _swap(
        "a hole in which nothing can change is skipped",
        "monitor.correlator.sequencer",
        "Sequencer._release",
        "and settled()",
        "and False",
    ),
)

FEATURES = (*PROBES, *CHAIN, *CORRELATOR, *DELIVERY, *STORE, *LOG)
