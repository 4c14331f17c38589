"""Lists what users rely on in the chain watchers, and for each feature the smallest edit that removes it."""

from __future__ import annotations

from tests.mutants.feature import Feature, swap

FEATURES = (
    swap(
        "events that a reorg removed are retracted",
        "chain.sync.watcher",
        "Watcher._take_back",
        "event_id=event.event_id, event=event) for event in gone",
        "event_id=event.event_id, event=event) for event in ()",
    ),
    swap(
        "the detectors' memories are restored after a reorg",
        "chain.sync.watcher",
        "Watcher._take_back",
        "detectors.recall(self._canonical.tip.memories)",
        "pass",
    ),
    Feature(
        "nodes agree on logs",
        "chain.nodes.log_agreement",
        "agreed_logs",
        "logs = by_node[next(iter(by_node))]\nreturn {one.hash: Agreement(logs[one.hash], {}) for one in run}",
    ),
    Feature(
        "many reads are split over several multicalls",
        "chain.rpc.multicall",
        "_parts",
        "return (reads,) if reads else ()",
    ),
    swap(
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
