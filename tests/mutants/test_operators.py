"""Tests of the edits that the operators make, and of the code that they do not edit."""

from __future__ import annotations

import pytest

from tests.mutants.operators import Edit, difference, edits


def made(source: str) -> set[str]:
    """Every module that one edit of this source gives."""
    return {after for edit in edits(source) if (after := edit.applied(source)) is not None}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b\n", {"x = a <= b\n", "x = a >= b\n"}),
        ("x = a == b\n", {"x = a != b\n"}),
        ("x = a is not b\n", {"x = a is b\n"}),
        ("x = a in b\n", {"x = a not in b\n"}),
        ("x = a + b\n", {"x = a - b\n"}),
        ("x = a * (b - c)\n", {"x = a / (b - c)\n", "x = a * (b + c)\n"}),
        ("x = a and b\n", {"x = a or b\n"}),
        ("x = a or b and c\n", {"x = a and (b and c)\n", "x = a or b or c\n"}),
        ("x = not a\n", {"x = a\n"}),
        ("x = 5\n", {"x = 6\n", "x = 4\n"}),
        ("x = 0\n", {"x = 1\n"}),
        ("x = 2.5\n", {"x = 5.0\n"}),
        ("x = True\n", {"x = False\n"}),
        ("x = min(a)\n", {"x = max(a)\n"}),
        ("x = a if b else c\n", {"x = a\n", "x = c\n", "x = a if not (b) else c\n"}),
        ("a.b(c)\n", {"pass\n"}),
        ("x += a\n", {"pass\n"}),
        ("if a:\n    x = b\n", {"if not (a):\n    x = b\n"}),
    ],
)
def test_each_operator_makes_only_its_own_edits(source: str, expected: set[str]) -> None:
    assert made(source) == expected


def test_a_return_gives_none_and_a_guard_is_removed() -> None:
    source = "def f(a):\n    if a:\n        raise E\n    return a\n"
    assert made(source) == {
        "def f(a):\n    if not (a):\n        raise E\n    return a\n",
        "def f(a):\n    pass\n    return a\n",
        "def f(a):\n    if a:\n        pass\n    return a\n",
        "def f(a):\n    if a:\n        raise E\n    return None\n",
    }


def test_break_and_continue_change_places() -> None:
    source = "for a in b:\n    if c:\n        break\n    x = a\n"
    assert "for a in b:\n    if c:\n        continue\n    x = a\n" in made(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""A module of 2 words."""\n',
        'def f(a: Annotated[int, 3]) -> "Literal[4]":\n    """Give 5."""\n    ...\n',
        "assert a == 1, 'not 2'\n",
        "log.warning('%d of %d', 3, 4)\n",
        "x = f'{a + 1}'\n",
        "__all__ = ['a', 'b'][0:1]\n",
        "if TYPE_CHECKING:\n    x = 1\n",
        "@dataclass(frozen=True)\nclass A:\n    a: int\n",
        "for a, b in zip(c, d, strict=True):\n    x = a\n",
        "assert_never(x)\n",
    ],
)
def test_code_that_no_test_could_judge_is_not_edited(source: str) -> None:
    assert made(source) == set()


def test_an_edit_knows_its_function_and_the_lines_of_its_statement() -> None:
    source = "class A:\n    def f(self):\n        if (\n            a < 1\n        ):\n            self.g(2)\n"
    found = {(edit.operator, edit.function, edit.lines) for edit in edits(source)}
    assert ("comparison", "A.f", (3, 5)) in found
    assert ("remove call", "A.f", (6, 6)) in found


def test_every_edit_of_a_non_ascii_text_is_placed_correctly() -> None:
    assert made("é = 'ü' < b  # ö\n") == {"é = 'ü' <= b  # ö\n", "é = 'ü' >= b  # ö\n"}


def test_a_difference_shows_only_the_lines_that_differ() -> None:
    assert difference("a\nb\nc\n", "a\nd\nc\n") == "-b\n+d"


def test_edits_of_the_same_source_are_the_same_in_the_same_order() -> None:
    source = "x = a < b\ny = 1 + 2\n"
    first: list[Edit] = edits(source)
    assert first == edits(source)
