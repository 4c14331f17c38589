"""Which Stormwatch this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def stormwatch_version() -> str:
    """The installed distribution's version, "0+unknown" where it is run from a bare checkout."""
    try:
        return version("stormwatch")
    except PackageNotFoundError:
        return "0+unknown"
