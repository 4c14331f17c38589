"""Defines the operator's settings of telemetry: where traces, metrics and logs go, and how much may wait.

Nothing heavy is imported here, so that reading the settings stays cheap.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """Where telemetry goes. `otlp_endpoint` is a base URL such as http://127.0.0.1:4318; empty: nothing is exported.

    `otlp_headers_env` names the environment variable that holds "k=v,k=v" (the settings never hold the secret itself).
    `span_queue` is how many spans may wait for export; the oldest are dropped first. Prometheus metrics are always available.
    """

    otlp_endpoint: str = ""
    otlp_headers_env: str = ""
    service_name: str = "stormwatch"
    export_interval_s: float = 10.0
    export_timeout_s: float = 5.0
    logs: bool = True
    span_queue: int = 8192
    trace_share: float = 1.0
    """The share of good checks that get a trace, 0 to 1. Refused ones, chain events and incidents always get theirs."""

    def __post_init__(self) -> None:
        if self.otlp_endpoint:
            parts = urlsplit(self.otlp_endpoint)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError("otlp_endpoint: a base URL such as http://127.0.0.1:4318, or empty")
            if parts.username or parts.password:
                raise ValueError("otlp_endpoint: no user name in it; name a variable with headers in otlp_headers_env")
        for name in ("export_interval_s", "export_timeout_s"):
            length: float = getattr(self, name)
            if not (isfinite(length) and length > 0):
                raise ValueError(f"{name}: a length of time above zero")
        if not 0.0 <= self.trace_share <= 1.0:
            raise ValueError("trace_share: 0 to 1")
        if not 1 <= self.span_queue <= 1_000_000:
            raise ValueError("span_queue: 1 to 1000000 spans")
