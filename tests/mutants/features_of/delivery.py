"""Lists what users rely on in alerting and delivery, and for each feature the smallest edit that removes it."""

from __future__ import annotations

from tests.mutants.feature import Feature, swap

FEATURES = (
    Feature("secrets are redacted", "monitor.telemetry.redact", "redact", "return text"),
    swap("passwords in URLs are redacted", "monitor.telemetry.redact", "_rest", 'if "@" in authority:', "if False:"),
    swap(
        "a sink goes on behind the last change that it acknowledged",
        "monitor.alerting.sink_reader",
        "SinkReader.open",
        "max(place.position, memory.reached)",
        "self._log.end",
    ),
    swap(
        "the end of an incident is told after a restart",
        "monitor.alerting.sink_reader",
        "SinkReader.open",
        "Router(self.route.rule, memory.notes)",
        "Router(self.route.rule)",
    ),
    swap(
        "a change that is too old is told as missed",
        "monitor.alerting.notes",
        "Notes.is_late",
        "> self._stale_after_s",
        "> 1e12",
    ),
    swap(
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
    swap(
        "a sink is not called again before its Retry-After has passed",
        "monitor.alerting.attempts",
        "Attempts._wait_s",
        "max(backoff(state), _retry_after_s(state))",
        "backoff(state)",
    ),
    swap(
        "delivery of a note makes way after a time",
        "monitor.alerting.sink_reader",
        "SinkReader._settle",
        "self.attempts.until(client, note, limit_s)",
        "self.attempts.until(client, note, 1e12)",
    ),
    swap(
        "a revision goes to a sink once",
        "monitor.alerting.routing",
        "decide",
        "change.revision <= last_note.revision",
        "False",
    ),
    swap(
        "changes below the minimum level are not routed",
        "monitor.alerting.routing",
        "decide",
        "change.level < rule.min_level",
        "False",
    ),
    swap(
        "updates are sent at most once per repeat time",
        "monitor.alerting.routing",
        "decide",
        "since_s < rule.repeat_s",
        "False",
    ),
    Feature("a sink that is broken is told by the others", "monitor.daemon.sink_watch", "SinkWatch.look", "return"),
    swap(
        "the time to a delivery counts from the judgement",
        "monitor.alerting.crossings",
        "Crossings.of",
        "self._judged.get((change.incident_id, change.revision), logged_at)",
        "logged_at",
    ),
    Feature("webhooks are signed", "monitor.alerting.sinks.webhook", "signature", 'return f"t={unix_s},v1="'),
    swap(
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
