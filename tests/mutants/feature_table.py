"""The features that somebody relies on, and how each is taken away: the smallest edit that leaves it undone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: the function that does it, and either a `body` to put there or `swaps` of words in it."""

    name: str
    module: str
    function: str
    body: str | None = None
    swaps: tuple[tuple[str, str], ...] = ()


def _swap(name: str, module: str, function: str, words: str, instead: str) -> Feature:
    return Feature(name, module, function, swaps=((words, instead),))


PROBES = (
    Feature("Retry-After is a floor", "probes.rest.budget", "Budgets.wait_until", "pass"),
    _swap("the last tenth of a budget is never spent", "probes.rest.budget", "Budgets.allows", "(1 - RESERVE)", "1"),
    Feature("a venue's own count of what was used is believed", "probes.rest.budget", "Budgets.learn", "return"),
    Feature("a Retry-After header is read", "probes.rest.refusals", "retry_after_s", "return None"),
    Feature("a web page in place of an answer is a refusal", "probes.rest.refusals", "is_html", "return False"),
    _swap("feeds back off", "probes.feeds.backoff", "BackOff.after", "2 * self._bound_s", "self._bound_s"),
    _swap(
        "a silent feed is told", "probes.feeds.interpreter", "FeedReader.second", "and not self._silent", "and False"
    ),
    _swap(
        "liquidations of before the subscription are marked as backlog",
        "probes.feeds.interpreter",
        "FeedReader.frame",
        "replace(message, backlog=True)",
        "message",
    ),
    _swap("a gap of a feed is told", "probes.feeds.books", "FeedBooks.change", "is not Applied.GAP", "is Applied.GAP"),
    Feature(
        "a gap of a feed that needs a new connection asks for one",
        "probes.feeds.books",
        "FeedBooks.snapshots_needed",
        "return []",
    ),
    Feature("a book follows its sequence", "probes.book", "Book._follows", "return True"),
    _swap("a crossed book is told", "probes.book", "Book._state", "if best_bid >= best_ask:", "if False:"),
    _swap("a frozen book is told", "probes.book", "Book._state", "> frozen_after_s", "> 1e12"),
    _swap("the bound of a clock's offset", "probes.clock_offset", "ClockOffset.best", "rtt_s / 2", "0.0"),
    _swap(
        "the offset of the fastest answer is taken",
        "probes.clock_offset",
        "ClockOffset.best",
        "min(self._samples, key=lambda one: one[1])",
        "self._samples[-1]",
    ),
    _swap(
        "latency counts from when the check was due",
        "probes.rest.interpreter",
        "request_reading",
        "(got.received_at - slot.scheduled_at)",
        "(got.received_at - got.sent_at)",
    ),
)

CHAIN = (
    _swap(
        "what a reorg undid is taken back",
        "chain.sync.watcher",
        "Watcher._take_back",
        "event_id=event.event_id, event=event) for event in gone",
        "event_id=event.event_id, event=event) for event in ()",
    ),
    _swap(
        "the detectors' memories are recalled after a reorg",
        "chain.sync.watcher",
        "Watcher._take_back",
        "detectors.recall(self._canonical.tip.memories)",
        "pass",
    ),
    Feature("nodes agree on logs", "chain.nodes.fetch", "_agreed_logs", "return by_node[next(iter(by_node))]"),
    Feature(
        "many reads are split over several packed calls",
        "chain.rpc.multicall",
        "_parts",
        "return (reads,) if reads else ()",
    ),
    _swap(
        "what was decided but not yet taken survives a restart",
        "chain.sync.checkpoint",
        "Checkpoint.encode",
        "[_plain(event) for event in self.pending]",
        "[]",
    ),
    Feature(
        "a checkpoint of another version is not believed",
        "chain.sync.checkpoint",
        "decode",
        swaps=(('found.get("version") != VERSION', "False"),),
    ),
    Feature("a block must continue the last one", "chain.sync.canonical", "CanonicalWindow.follows", "return True"),
)

CORRELATOR = (
    _swap(
        "our own network at fault: LOCAL",
        "monitor.correlator.assessment",
        "AssetAssessor._fault",
        "return Fault.LOCAL",
        "pass",
    ),
    _swap(
        "the way at fault: PATH",
        "monitor.correlator.assessment",
        "AssetAssessor._fault",
        "return Fault.PATH",
        "return Fault.VENUE",
    ),
    _swap(
        "the market at fault: MARKET",
        "monitor.correlator.assessment",
        "AssetAssessor._fault",
        "return Fault.MARKET",
        "pass",
    ),
    Feature(
        "a throttled feed is distrusted", "monitor.correlator.evidence.liquidation_surge", "_Feed.shown", "return 1.0"
    ),
    _swap(
        "a clustered stream is judged by its clipped lane too",
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
        "seconds are judged in the order of their watermark",
        "monitor.correlator.sequencer",
        "Sequencer._release",
        "entries.sort(key=_order)",
        "pass",
    ),
    _swap("late signals are counted", "monitor.correlator.sequencer", "Sequencer.push", "self.late += 1", "pass"),
    _swap(
        "an incident is held while blind",
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
        "entering takes several seconds",
        "monitor.correlator.episodes",
        "Episode._opening",
        "self._higher < self._s.enter_ticks",
        "False",
    ),
    _swap(
        "leaving takes a while",
        "monitor.correlator.episodes",
        "Episode._ending",
        "observed.now_s - self._calm_s >=",
        "1e9 >=",
    ),
    _swap(
        "leaving needs a lower bound than entering",
        "monitor.correlator.episodes",
        "Episode._ending",
        "and observed.p_hi <= self._s.leave_p_hi",
        "",
    ),
    _swap(
        "an incident whose cause was taken back is retracted",
        "monitor.correlator.episodes",
        "Episode._going_on",
        "observed.retracted and observed.level",
        "False and observed.level",
    ),
    _swap(
        "gaps lower what a source covers",
        "monitor.correlator.coverage",
        "SourceCoverage.coverage",
        "fresh * (1 - min(0.05 * recent, 0.5))",
        "fresh",
    ),
    _swap(
        "a source known to be blind covers nothing",
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
        "a full queue gives up an update first",
        "monitor.alerting.delivery",
        "_SinkWorker._drop_one",
        "for kind in DROP_FIRST:",
        "for kind in ():",
    ),
    _swap(
        "a full queue of a sink is bounded",
        "monitor.alerting.delivery",
        "_SinkWorker.offer",
        "len(self._queue) >= self._max_queued",
        "False",
    ),
    _swap(
        "a sink is not asked sooner than it said",
        "monitor.alerting.delivery",
        "_SinkWorker._wait_s",
        "max(backoff(state), _retry_after_s(state))",
        "backoff(state)",
    ),
    _swap(
        "a sink is given up after a while",
        "monitor.alerting.delivery",
        "_SinkWorker._is_over",
        ">= self._give_up_s",
        ">= 1e12",
    ),
    _swap("routing by level", "monitor.alerting.routing", "decide", "change.level < rule.min_level", "False"),
    _swap(
        "updates are told at most once in a while",
        "monitor.alerting.routing",
        "decide",
        "since_s < rule.repeat_s",
        "False",
    ),
    Feature("webhooks are signed", "monitor.alerting.sinks.webhook", "signature", 'return f"t={unix_s},v1="'),
    _swap(
        "the time is part of a signature",
        "monitor.alerting.sinks.webhook",
        "signature",
        'b"%d." % unix_s + body',
        "body",
    ),
    Feature(
        "a retried webhook has its idempotency key",
        "monitor.alerting.sinks.webhook",
        "idempotency_key",
        "return quote(note.title)",
    ),
)

STORE = (
    _swap(
        "lines of the spool are seen onto the disk",
        "monitor.store.spool",
        "Spool.append",
        "os.fsync(file.fileno())",
        "pass",
    ),
    _swap(
        "a line cut short is taken out of the spool",
        "monitor.store.spool",
        "Spool.append",
        "os.truncate(last.path, last.size)",
        "pass",
    ),
    _swap(
        "files of the spool go on being numbered",
        "monitor.store.spool",
        "Spool.open",
        "(int(one.path.stem) for one in spool._segments if one.path.parent == spool._own)",
        "()",
    ),
    _swap("the spool is bounded", "monitor.store.spool", "Spool.full", "self.size >= self._bound", "False"),
    _swap(
        "a batch that was written is not written again",
        "monitor.store.postgres",
        "PostgresStore._save",
        "if number is None:",
        "if False:",
    ),
    _swap(
        "a checkpoint comes after its signals",
        "monitor.store.write_queue",
        "WriteQueue.cut",
        "self._routine[0][0] < self._required[0][0]",
        "False",
    ),
    _swap(
        "signals that matter are never given up",
        "monitor.store.write_queue",
        "WriteQueue.add_signals",
        "KINDS[signal.kind].droppable",
        "True",
    ),
    Feature("a batch the server refuses is set aside", "monitor.store.spool", "Spool.set_aside", "return self._folder"),
)

FEATURES = (*PROBES, *CHAIN, *CORRELATOR, *DELIVERY, *STORE)
