"""Holds the operator's settings: one strict tree from TOML and the environment."""

from monitor.settings.load import DEFAULT_FILE, load_settings
from monitor.settings.tree import (
    AssetSettings,
    ContractRef,
    ControlSettings,
    NetworkSettings,
    NodeRef,
    PoolRef,
    Settings,
    VenueSettings,
)

__all__ = [
    "DEFAULT_FILE",
    "AssetSettings",
    "ContractRef",
    "ControlSettings",
    "NetworkSettings",
    "NodeRef",
    "PoolRef",
    "Settings",
    "VenueSettings",
    "load_settings",
]
