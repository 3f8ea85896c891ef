"""Separators: left < separator <= right, and no longer than needed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidb.keys import HIGHEST, LOWEST, NAN_LAST, NULL_LAST, Descending
from minidb.storage.separators import separator

numbers = st.one_of(st.integers(-5, 5), st.sampled_from([NULL_LAST, NAN_LAST, LOWEST, HIGHEST]))
words = st.one_of(st.text("ab", max_size=4), st.just(NULL_LAST))
turned = st.text("ab", max_size=3).map(Descending)
composite = st.one_of(
    st.tuples(numbers, words), st.tuples(words, numbers, st.binary(max_size=3)), st.tuples(words, turned)
)


def below(left: tuple[Any, Any], right: tuple[Any, Any]) -> bool:
    if left[0] != right[0]:
        return bool(left[0] < right[0])
    return right[1] is not None and (left[1] is None or left[1] < right[1])


@given(st.sampled_from([numbers, words, composite, turned]).flatmap(lambda keys: st.tuples(keys, keys)), st.booleans())
def test_a_separator_separates(pair: tuple[Any, Any], swap: bool) -> None:
    if tuple(map(type, pair)) == (tuple, tuple) and list(map(type, pair[0])) != list(map(type, pair[1])):
        pair = pair[0], pair[0]  # columns of one index have one type
    left, right = pair
    entries = [(left, 1), (right, 2)] if left == right or left < right else [(right, 1), (left, 2)]
    fence = separator(*entries[0], *entries[1])
    assert below(entries[0], fence) and not below(entries[1], fence)
    assert fence[1] is None or left == right


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("mueller", "myers", ("my", None)),
        ("my", "myers", ("mye", None)),
        (b"ab", b"b", (b"b", None)),
        (("a", 1, 5), ("a", 2, 3), (("a", 2), None)),
        (("alpha", 1), ("beta", 2), (("b",), None)),
        (("alpha", 1), ("alto", 2), (("alt",), None)),
        ((1, NULL_LAST), (2, 0), ((2,), None)),
        ((1, 5), (1, NULL_LAST), ((1, NULL_LAST), None)),
        (("a",), ("a", 1), (("a", 1), None)),
        (Descending("b"), Descending("a"), (Descending("a"), None)),
        (Decimal("1.5"), Decimal("2"), (Decimal("2"), None)),
        (date(2026, 1, 1), date(2026, 1, 2), (date(2026, 1, 2), None)),
        ("z", NULL_LAST, (NULL_LAST, None)),
        ("same", "same", ("same", 2)),
    ],
)
def test_separators_are_short(left: Any, right: Any, expected: tuple[Any, Any]) -> None:
    assert separator(left, 1, right, 2) == expected
