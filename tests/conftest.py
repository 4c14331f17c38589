"""What every test stands on."""

from __future__ import annotations

from chain.node import load_web3

load_web3()  # before any test imports it by itself: it would raise the recursion limit for all
