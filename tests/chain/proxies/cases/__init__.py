"""Finds the cases of kinds of proxy: one file a kind, named like it. A new kind adds a file here and edits none.

A file declares `CASE`: how the proxy is deployed, and the change that must be reported (`changing.py` explains the form). It may
declare `SLOTS` and `LOGS`: the words and signatures whose hashes its slots and topics are, and `COMPUTED`: slots that the
document computes in another way (`test_declarations.py`). The cases of the first kinds are together in `changing.py`,
`clones.py` and `families.py`.
"""

from __future__ import annotations

from typing import Any

from chain.registry import Registry

_REGISTRY = Registry(__name__, __path__)


def cases() -> dict[str, Any]:
    """What each file declares as `CASE`, by the name of the kind."""
    return {name: _REGISTRY.module(name).CASE for name in _REGISTRY.names()}


def preimages(attribute: str) -> dict[str, Any]:
    """What all files declare as `SLOTS` or `LOGS`, in one table."""
    return {words: row for module in _REGISTRY.modules() for words, row in getattr(module, attribute, {}).items()}
