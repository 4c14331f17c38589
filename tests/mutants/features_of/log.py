"""Lists what users rely on in the log, and for each feature the smallest edit that removes it."""

from __future__ import annotations

from tests.mutants.feature import Feature, swap

FEATURES = (
    Feature("room is kept on the disk", "monitor.log.reserve", "Reserve.take", "return"),
    swap(
        "a change is in the log once",
        "monitor.log.sqlite_log",
        "SqliteLog._entries",
        "stream is Stream.CHANGE and (",
        "False and (",
    ),
    swap(
        "the places of the readers survive a restart",
        "monitor.log.segments",
        "Segments._starting_places",
        "stored.get(name, new[name])",
        "new[name]",
    ),
    swap(
        "routine signals go before whole segments",
        "monitor.log.segments",
        "Segments.tidy",
        "if not self._thin_oldest():",
        "if True:",
    ),
    swap(
        "one daemon uses the folder of a log",
        "monitor.log.segments",
        "Segments._lock",
        "if not _locked(file):",
        "if False:",
    ),
    Feature("a restart continues from the image", "monitor.daemon.resume", "_thawed", "return None, 0"),
    swap("no other program thaws an image", "monitor.daemon.resume", "thawed", "if image.code !=", "if False and 1 !="),
    Feature("another program adopts the incidents", "monitor.correlator.engine", "Correlator.adopt", "return"),
    swap(
        "what is not watched any more is left out",
        "monitor.daemon.resume",
        "resumed",
        "found is not None or watched.hears(one)",
        "True",
    ),
    swap(
        "an incident that nobody watches any more ends as unknown",
        "monitor.correlator.engine",
        "Correlator.adopt",
        "if episode.open and not is_watched(change.scope):",
        "if False:",
    ),
    swap(
        "a hole in which nothing can change is skipped",
        "monitor.correlator.sequencer",
        "Sequencer.take",
        "and settled()",
        "and False",
    ),
)
