"""Makes a frozen dataclass with slots as fast as a plain object: the generated constructor of a frozen one takes 2 µs of its own.

The fields are set on an unlocked twin of the same slots, which then becomes the frozen class. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


def unlocked(kind: Any) -> type:
    """The twin of a frozen dataclass with slots: set its fields, and then its `__class__` to the frozen one."""
    assert not hasattr(kind, "__post_init__"), "a word that computes nothing when it is made"
    return type(f"Unlocked{kind.__name__}", (), {"__slots__": kind.__slots__})


def quick(kind: Callable[Given, Made]) -> Callable[Given, Made]:
    """A constructor of `kind` by keywords: the same fields and defaults, and an equal object, several times as fast."""
    frozen: Any = kind
    own = fields(frozen)
    scope: dict[str, Any] = {"new": object.__new__, "twin": unlocked(frozen), "frozen": frozen, "missing": MISSING}
    given, body = [], []
    for one in own:
        value = one.name
        if one.default_factory is not MISSING:
            scope[f"make_{one.name}"] = one.default_factory
            value = f"make_{one.name}() if {one.name} is missing else {one.name}"
        scope[f"default_{one.name}"] = one.default
        required = one.default is MISSING and one.default_factory is MISSING
        given.append(one.name if required else f"{one.name}=default_{one.name}")
        body.append(f"    self.{one.name} = {value}\n")
    head, tail = (
        f"def make(*, {', '.join(given)}):\n    self = new(twin)\n",
        "    self.__class__ = frozen\n    return self\n",
    )
    source = (
        head + "".join(body) + tail
    )  # only names of our own fields, as in the constructors that dataclasses generate
    exec(source, scope)  # noqa: S102
    make: Callable[Given, Made] = scope["make"]
    return make
