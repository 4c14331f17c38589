"""Reports an operator's mistake in one line: the key, the value, what is allowed, and the remedy.

The command line prints it without a traceback and exits with 2. Values are shown as given, so callers pass secrets
already redacted.
"""

from __future__ import annotations

from difflib import get_close_matches

from monitor.signals.plain_text import one_line

MAX_CHARS = 2000
"""The longest line of an error: a value may be a whole file."""


class OperatorError(Exception):
    """A mistake in settings, arguments or input files, with its remedy."""

    def __init__(self, key: str, value: object, allowed: str, remedy: str) -> None:
        super().__init__(key, value, allowed, remedy)
        self.key = key
        self.value = value
        self.allowed = allowed
        self.remedy = remedy

    def __str__(self) -> str:
        shown = self.value if isinstance(self.value, str) else repr(self.value)
        wrong = "is missing" if self.value is None else f"{shown!r} is not usable"
        text = f"{self.key}: {wrong}; allowed: {self.allowed}; {self.remedy}"
        return one_line(" ".join(text.split()), MAX_CHARS)


def nearest(name: str, known: list[str] | tuple[str, ...]) -> str:
    """Advice with the nearest known name; if none is near, advice to choose one that the error allows."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else "choose one of them" if known else "there is none to choose"
