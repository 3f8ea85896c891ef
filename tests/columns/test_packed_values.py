"""The values of a column as bytes: whatever goes in comes out, and what is damaged is DatabaseCorrupt, never more.

A page that hostile bytes describe makes no list longer than the page may be.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidb.access.column_pages import MOST_ROWS, ColumnLayout, Columns, Page
from minidb.access.column_values import ColumnForm, Dictionary, Doubles, Numbers, Plain, Scaled
from minidb.access.layouts import RowCodec
from minidb.access.packed import Bits, Deltas, Offsets, Runs, check, pack, unpack
from minidb.errors import DatabaseCorrupt
from minidb.schema import Column, Table
from minidb.types import array_of, type_from_name

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
NEAR = st.integers(-3, 3)
INTEGER_LISTS = st.one_of(
    st.lists(INT64, min_size=1, max_size=40),
    st.lists(NEAR, min_size=1, max_size=80),
    st.builds(lambda first, steps: [first + sum(steps[:at]) for at in range(len(steps) + 1)],
              st.integers(-(1 << 40), 1 << 40), st.lists(NEAR, max_size=60)),
    st.builds(lambda runs: [value for value, length in runs for _ in range(length)],
              st.lists(st.tuples(INT64, st.integers(1, 60)), min_size=1, max_size=5)),
)


@given(INTEGER_LISTS)
def test_packed_numbers_come_out_as_they_went_in(numbers: list[int]) -> None:
    packed = pack(numbers, min(numbers), max(numbers))
    check(packed, len(numbers))
    assert unpack(packed, len(numbers)) == numbers


@pytest.mark.parametrize(
    ("numbers", "form"),
    [
        ([7] * 50, Offsets(7, 0, b"")),
        ([5, 6, 7, 8], Deltas(5, 1, 0, b"")),
        ([9, 1, 4], Offsets(1, 1, bytes([8, 0, 3]))),
        ([0, 1, 1, 0, 1, 0, 0, 0, 1], Bits(bytes([0b00010110, 1]))),
        ([300] * 40 + [2] * 40, Runs(2, Offsets(2, 2, (298).to_bytes(2, "little") + bytes(2)), Offsets(40, 0, b""))),
    ],
)
def test_the_shortest_form_is_taken(numbers: list[int], form: Any) -> None:
    assert pack(numbers, min(numbers), max(numbers)) == form
    assert unpack(form, len(numbers)) == numbers


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bigint": INT64,
    "smallint": st.integers(-32768, 32767),
    "double precision": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "text": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
    "bytea": st.binary(max_size=4),
    "uuid": st.builds(lambda number: UUID(int=number), st.integers(0, 3)),
    "date": st.dates(),
    "timestamp": st.datetimes().map(lambda value: value.replace(fold=0)),
    "timestamptz": st.datetimes(timezones=st.just(datetime.UTC)).map(lambda value: value.replace(fold=0)),
    "time": st.times().map(lambda value: value.replace(fold=0)),
    "numeric": st.one_of(st.decimals(allow_nan=False, allow_infinity=False, places=2), st.decimals(-5, 5, places=1)),
    "numeric(9,2)": st.decimals(-10**7, 10**7, places=2),
    "integer[]": st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=3).map(tuple),
}


def form_of(name: str) -> ColumnForm:
    name = name.partition("(")[0]
    return ColumnForm(array_of(type_from_name(name[:-2])) if name.endswith("[]") else type_from_name(name))


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
def test_values_come_out_as_they_went_in(name: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.one_of(st.none(), VALUES[name]), min_size=1, max_size=40))
    form = form_of(name)
    stored = form.encode(values)
    form.check(stored, len(values))
    found = form.decode(stored, len(values))
    assert [repr(value) for value in found] == [repr(value) for value in values]


def test_zeros_keep_their_sign_and_numbers_their_scale() -> None:
    floats = form_of("double precision")
    assert repr(floats.decode(floats.encode([0.0, -0.0]), 2)) == "[0.0, -0.0]"
    numbers = form_of("numeric")
    assert list(map(str, numbers.decode(numbers.encode([Decimal("1.0"), Decimal("1.00")]), 2))) == ["1.0", "1.00"]


@pytest.mark.parametrize(
    ("name", "values", "form"),
    [
        ("integer", [1, None, 3], Numbers),
        ("integer", [None, None], Plain),
        ("date", [datetime.date(2020, 1, 1)], Numbers),
        ("boolean", [True, False, None], Dictionary),
        ("text", ["a", "b"] * 300, Dictionary),
        ("text", [f"text {place}" for place in range(600)], Plain),
        ("real", [0.5, None], Doubles),
        ("real", [0.5, float("nan")], Plain),
        ("numeric", [Decimal("1.50"), None, Decimal("-0.01")], Scaled),
        ("numeric", [Decimal("1.50"), Decimal("1.5")], Plain),
        ("numeric", [Decimal("0.0"), Decimal("-0.0")], Plain),
        ("numeric", [Decimal("NaN")], Plain),
        ("numeric", [Decimal(1), Decimal("Infinity")], Plain),
        ("numeric", [Decimal(1 << 64)], Plain),
        ("numeric", [Decimal("1e-1200")], Plain),
        ("numeric", [Decimal("9" * 80)], Plain),
    ],
)
def test_each_column_gets_the_form_that_suits_it(name: str, values: list[Any], form: type) -> None:
    assert type(form_of(name).encode(values)) is form


# -- damage -----------------------------------------------------------------------------------------------


def layout() -> ColumnLayout:
    names = ("bigint", "text", "double precision", "date", "numeric")
    columns = tuple(Column(f"c{at}", type_from_name(name), at) for at, name in enumerate(names))
    return ColumnLayout(RowCodec(Table(1, "t", 2, columns, layout="column")))


ROWS = [
    (at * at, "ab"[at % 2], at / 2, datetime.date.fromordinal(700_000 + at), Decimal(at * 7 % 50).scaleb(-1))
    for at in range(50)
]
PAGE = layout().encode(list(range(50)), list(range(50)), ROWS)


def rows_of(data: bytes) -> list[Any]:
    contents = layout().decode(data)[2]
    return contents.rows()


def test_a_page_comes_out_as_it_went_in() -> None:
    assert rows_of(PAGE) == ROWS


@given(st.integers(0, len(PAGE) - 1), st.integers(0, 255))
def test_a_changed_byte_is_corrupt_or_makes_another_page(place: int, byte: int) -> None:
    data = PAGE[:place] + bytes([byte]) + PAGE[place + 1 :]
    try:
        found = rows_of(data)
    except DatabaseCorrupt:
        return
    assert len(found) == 50 and all(len(row) == 5 for row in found)


@given(st.integers(0, len(PAGE) - 1))
def test_a_page_that_is_cut_off_is_corrupt(length: int) -> None:
    with pytest.raises(DatabaseCorrupt):
        rows_of(PAGE[:length])


ZEROS = Offsets(0, 0, b"")
DAMAGED = {
    "no rows": Page(0, ZEROS, []),
    "more rows than a page has": Page(MOST_ROWS + 1, ZEROS, []),
    "a count beyond all memory": Page(1 << 60, ZEROS, []),
    "too many columns": Page(1, ZEROS, [Plain(b"")] * 6),
    "addresses too few": Page(3, Offsets(0, 1, b"ab"), []),
    "a width that there is not": Page(1, Offsets(0, 3, b"abc"), []),
    "a number beyond 64 bits": Page(1, Offsets(1 << 63, 0, b""), []),
    "runs too many": Page(2, Runs(3, ZEROS, Offsets(1, 0, b"")), []),
    "runs too long": Page(9, Runs(2, ZEROS, Offsets(1 << 40, 0, b"")), []),
    "runs of no length": Page(2, Runs(2, ZEROS, ZEROS), []),
    "bits too few": Page(9, Bits(b"\0"), []),
    "a dictionary too large": Page(1, ZEROS, [Plain(b"\x91\0"), Dictionary(2, b"\x92\xa1a\xa1b", ZEROS)]),
    "a dictionary too small": Page(3, ZEROS, [Plain(b"\x93\0\0\0"), Dictionary(2, b"\x91\xa1a", ZEROS)]),
    "a code without a value": Page(1, ZEROS, [Plain(b"\x91\0"), Dictionary(1, b"\x91\xa1a", Offsets(1, 0, b""))]),
    "a dictionary of numbers": Page(1, ZEROS, [Dictionary(1, b"\x91\0", ZEROS)]),
    "bounds that are none": Page(1, ZEROS, [Numbers(2, 1, ZEROS)]),
    "bounds that are wrong": Page(1, ZEROS, [Numbers(0, 1, ZEROS)]),
    "NULLs too few": Page(9, ZEROS, [Numbers(0, 0, ZEROS, b"\0")]),
    "texts where numbers are": Page(1, ZEROS, [Plain(b"\x91\xa1a")]),
    "values too few": Page(2, ZEROS, [Plain(b"\x91\0")]),
    "floats too few": Page(2, ZEROS, [Plain(b"\x92\0\0"), Plain(b"\x92\xa1a\xa1a"), Doubles(0.0, 0.0, bytes(8))]),
    "floats out of bounds": Page(1, ZEROS, [Plain(b"\x91\0"), Plain(b"\x91\xa1a"), Doubles(1.0, 1.0, bytes(8))]),
    "a number that is no numeric": Page(1, ZEROS, [Scaled(1, Numbers(0, 0, ZEROS))]),
    "a scale beyond all": Page(1, ZEROS, [*[Plain(b"\x91\xc0")] * 4, Scaled(1 << 40, Numbers(0, 0, ZEROS))]),
    "a numeric out of bounds": Page(1, ZEROS, [*[Plain(b"\x91\xc0")] * 4, Scaled(1, Numbers(1, 1, ZEROS))]),
    "a date that there is not": Page(1, ZEROS, [
        Plain(b"\x91\0"), Plain(b"\x91\xa1a"), Plain(b"\x91\xc0"), Numbers(1 << 40, 1 << 40, Offsets(1 << 40, 0, b"")),
    ]),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_told(name: str) -> None:
    with pytest.raises(DatabaseCorrupt):
        rows_of(msgspec.msgpack.encode(DAMAGED[name]))


def test_an_error_of_a_page_that_is_read_late_says_which_it_is() -> None:
    page = Page(1, ZEROS, [Plain(b"\x91\0"), Dictionary(1, b"\x91\xa1a", Offsets(1, 0, b""))])
    contents: Columns = layout().decode(msgspec.msgpack.encode(page))[2]
    contents.where = lambda what: DatabaseCorrupt(f"block 7: {what}")
    with pytest.raises(DatabaseCorrupt, match="block 7: a code is not in its dictionary"):
        contents.rows()
