"""Makes text from outside harmless to show: one line, without characters that steer a terminal or reverse the reading order.

Venues, chains, files and clients choose such text. What Python calls not printable is replaced: C0 and C1 controls (the escape
character among them), line and paragraph separators, bidirectional and other format characters, lone surrogates.
"""

from __future__ import annotations


def one_line(text: str, max_chars: int | None = None) -> str:
    """The text with a space for each character that is not printable; longer text is cut at `max_chars` and ends with "…"."""
    if max_chars is not None and len(text) > max_chars:
        text = text[: max_chars - 1] + "…"
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)
