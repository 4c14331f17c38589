"""Says what the declaration of a kind of signal holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Kind:
    """What `value` means for one kind, its unit, the attributes it carries, and whether it may be dropped under pressure.

    Droppable is what is measured again soon. What is stated once, an event on a chain or a liquidation, is never dropped.
    """

    value: str
    unit: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    droppable: bool = field(kw_only=True)
