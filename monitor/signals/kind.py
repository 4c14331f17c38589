"""Says what the declaration of a kind of signal holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_VALUE = 1e30
"""Beyond any dollar, second or block."""
MAX_NUMBER = 1e90
"""Beyond the smallest units of any token, which a chain counts in 256 bits."""
ROUNDED = 1e-6
"""What a figure may be off by its own arithmetic."""
NOT_NEGATIVE = (-ROUNDED, MAX_NUMBER)
SHARE = (-ROUNDED, 1.0 + ROUNDED)


@dataclass(frozen=True, slots=True)
class Kind:
    """What `value` means for one kind, its unit, the attributes it carries, and whether it may be dropped under pressure.

    Droppable is what is measured again soon. What is stated once, an event on a chain or a liquidation, is never dropped.

    `min_value` and `max_value` bound the value, `ranges` the numbers among the attributes (any may be null), `words` names the
    texts that an attribute may have (with null: or none). What is outside is no reading of that kind: the correlator refuses it
    (docs/detection.md, "Signals that cannot be").
    """

    value: str
    unit: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    droppable: bool = field(kw_only=True)
    min_value: float = field(default=-ROUNDED, kw_only=True)
    max_value: float = field(default=MAX_VALUE, kw_only=True)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict, kw_only=True)
    words: Mapping[str, frozenset[str | None]] = field(default_factory=dict, kw_only=True)
