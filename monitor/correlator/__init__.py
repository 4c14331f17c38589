"""Joins signals into legs, levels and incidents. Pure: see engine.py for the whole, settings.py for every parameter."""

from monitor.correlator.engine import Correlator
from monitor.correlator.freezing import NotAnImage
from monitor.correlator.settings import CorrelatorSettings

__all__ = ["Correlator", "CorrelatorSettings", "NotAnImage"]
