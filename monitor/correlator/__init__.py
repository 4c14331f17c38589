"""Joins signals into legs, levels and incidents. Pure. `engine.py` joins the parts, `settings.py` has every parameter."""

from monitor.correlator.engine import Correlator
from monitor.correlator.freezing import NotAnImage
from monitor.correlator.settings import CorrelatorSettings

__all__ = ["Correlator", "CorrelatorSettings", "NotAnImage"]
