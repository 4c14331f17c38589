"""0x's exchange: one feature for each function, and a getter that names it."""

from __future__ import annotations

import re

from chain.events import Role
from chain.proxies.kind import GetterSpec, ProxyKind

KIND = ProxyKind(
    name="zero_ex",
    source="https://github.com/0xProject/protocol",
    rank=46,
    code=re.compile(rb"\x63\x97\x2f\xdd\x26"),
    calls=(
        GetterSpec(
            role=Role.IMPLEMENTATION, body="0x972fdd266eb224cb00000000000000000000000000000000000000000000000000000000"
        ),  # getFunctionImplementation(bytes4) of extend(bytes4,address)
    ),
)
