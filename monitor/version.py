"""Knows the version of Stormwatch that runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def stormwatch_version() -> str:
    """The version of the installed distribution, or "0+unknown" in a checkout that is not installed."""
    try:
        return version("stormwatch")
    except PackageNotFoundError:
        return "0+unknown"
