"""The attributes of signals about upgrades, in words. Part of the table of kinds in `monitor/signals.py`."""

from __future__ import annotations

UPGRADE: dict[str, str] = {
    "proxy_kind": "what kind of proxy",
    "role": "implementation, beacon, facet, delegate, code, admin …",
    "old": "before",
    "new": "after",
    "seen_by": "log, slot, code, trace or behaviour",
    "operation": "timelock operation id or null",
    "queued": "true announced, false unannounced on a timelocked target, null no timelock known",
}
CODE_COMPARED: dict[str, str] = {
    "upgrade": "the event id of the upgrade",
    "role": "the upgrade's",
    "old": "before",
    "new": "after",
    "gained": "functions that only the new code answers, with argument types where known, at most 32; null: not known",
    "lost": "functions that only the old code answered, the same way",
    "old_size": "bytes of code before, or null",
    "new_size": "bytes of code after, or null; 0: nothing stands there",
    "layout": "signs, inferred from bytecode, that storage is read otherwise, at most 4; empty: none seen; null: not read",
    "compiler": "of the new code, as it names it, or null",
    "source": "where verified source would be found, or null",
}
SOURCE_CHECKED: dict[str, str] = {
    "upgrade": "the event id of the upgrade",
    "address": "whose source was looked up",
    "by": "etherscan or sourcify",
    "name": "the contract's name, or null",
    "compiler": "or null",
    "licence": "or null",
    "proxy": "true: the explorer takes it for a proxy itself; or null",
}
