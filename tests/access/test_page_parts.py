"""Leaves that are read in parts: what a part says is what the whole leaf has, whatever the bytes are."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidb.access.page_parts import LEAST, MARK, Payload
from minidb.database import Database
from minidb.errors import DatabaseCorrupt
from minidb.storage.file import MemoryFileSystem
from minidb.storage.interface import Layout
from minidb.storage.pages import Leaf, decode_leaf

SETUP = """CREATE TABLE heap (id bigint PRIMARY KEY, name text, price numeric);
CREATE INDEX heap_name ON heap (name DESC, price) INCLUDE (id);
CREATE TABLE clustered (a text, b int, c text, PRIMARY KEY CLUSTERED (a, b));
CREATE INDEX clustered_c ON clustered (c)"""
Entry = tuple[Any, Any, Any]


def layouts() -> dict[str, Layout]:
    database = Database("parts.mdb", files=MemoryFileSystem(), background=False)
    session = database.session(autocommit=True)
    for sql in SETUP.split(";\n"):
        session.execute(sql)
    found = {}
    for store in database.relations.stores.values():
        found[store.name] = store.layout
        found.update({index.schema.name: index.layout for index in store.index_list})
    database.close()
    return found


LAYOUTS = layouts()


def heap_entry(number: int) -> Entry:
    return number, number, (number * 3, f"row {number}" if number % 5 else None, None)


def key_entry(number: int) -> Entry:
    return number * 2, number * 7919 % 70_000, (number * 2,)


def clustered_entry(number: int) -> Entry:
    row = (f"k{number:06}", number % 10, "x" * (number % 40))
    key = LAYOUTS["clustered"].key(row)  # type: ignore[attr-defined]
    return key, key, row


CASES: dict[str, Callable[[int], Entry]] = {"heap": heap_entry, "heap_pkey": key_entry, "clustered": clustered_entry}


def payload_of(name: str, numbers: list[int]) -> tuple[bytes, Leaf]:
    entries = [CASES[name](number) for number in numbers]
    keys, refs, rows = (list(column) for column in zip(*entries))
    data = LAYOUTS[name].encode(keys, keys if refs == keys else refs, rows)
    return data, decode_leaf(LAYOUTS[name], data)


numbers = st.lists(st.integers(0, 1 << 33), min_size=1, max_size=200, unique=True).map(sorted)


@pytest.mark.parametrize("name", CASES)
@given(numbers | st.integers(LEAST, 400).map(lambda count: list(range(50, 50 + count))))
def test_parts_say_what_the_whole_says(name: str, numbers: list[int]) -> None:
    data, leaf = payload_of(name, numbers)
    assert list(zip(leaf.keys, leaf.refs, leaf.rows)) == [CASES[name](number) for number in numbers]
    parts = LAYOUTS[name].parts(data)
    assert (parts is None) == (len(numbers) < LEAST)
    if parts is None:
        return
    for number in [*numbers, numbers[0] - 1, numbers[-1] + 1, numbers[len(numbers) // 2] + 1]:
        key = CASES[name](number)[0]
        assert parts.find(key) == leaf.find(key)


@pytest.mark.parametrize("name", CASES)
@given(st.integers(LEAST, 200), st.integers(-5, 205), st.integers(-5, 205), st.integers(0, 1), st.integers(0, 1))
def test_entries_between_cuts(name: str, count: int, low: int, high: int, before: int, behind: int) -> None:
    data, leaf = payload_of(name, list(range(count)))
    parts = LAYOUTS[name].parts(data)
    assert parts is not None
    low_key, high_key = CASES[name](max(low, 0))[0], CASES[name](max(high, 0))[0]
    keys, refs, rows = parts.between((low_key, before), (high_key, behind))
    found = dict(zip(keys, zip(refs, rows)))
    for key, ref, row in zip(leaf.keys, leaf.refs, leaf.rows):
        if low_key < key < high_key or (key == low_key and not before and key < high_key):
            assert found[key] == (ref, row)
    assert all(leaf.find(key) == pair for key, pair in found.items())
    assert len(keys) == len(refs) == len(rows)


def test_equal_keys_are_all_between_their_cuts() -> None:
    """Over several groups of a leaf, whose first keys are equal, too."""
    rows = [(name, None, n) for name, count in (("a", 40), ("m", 40), ("z", 9)) for n in range(count)]
    layout = LAYOUTS["heap_name"]
    entries = sorted((layout.key(row), n, row) for n, row in enumerate(rows))  # type: ignore[attr-defined]
    keys, refs, stored = (list(column) for column in zip(*entries))
    parts = layout.parts(layout.encode(keys, refs, stored))
    assert parts is not None
    key = layout.key(("m", None, 0))  # type: ignore[attr-defined]
    found = parts.between((key, 0), (key, 1))
    assert sum(row[0] == "m" for row in found[2]) == 40
    assert all(rows[ref] == row for ref, row in zip(found[1], found[2]))


def test_the_rows_are_one_array() -> None:
    """So that a whole leaf is one call, and so that format 1 differs in the head only."""
    data, leaf = payload_of("heap", list(range(100)))
    assert msgspec.msgpack.decode(Payload(data).body) == [list(row) for row in leaf.rows]


@pytest.mark.parametrize(("numbers", "size"), [
    (list(range(7, 107)), 8), (list(range(0, 200, 2)), 200), (list(range(0, 200_000, 2000)), 400),
    (list(range(0, 100 << 32, 1 << 32)), 800),
])
def test_addresses_take_what_they_need(numbers: list[int], size: int) -> None:
    payload = Payload(payload_of("heap", numbers)[0])
    assert len(payload.head) == size and list(payload.rids()) == numbers


def test_leaves_of_format_1_are_read() -> None:
    rows = [[n, None, None] for n in range(50)]
    head, body = msgspec.msgpack.encode(list(range(50))), msgspec.msgpack.encode(rows)
    data = (3).to_bytes(2, "little") + len(head).to_bytes(4, "little") + head + body
    leaf = decode_leaf(LAYOUTS["heap"], data)
    assert (list(leaf.refs), list(leaf.rows)) == (list(range(50)), [tuple(row) for row in rows])
    assert LAYOUTS["heap"].parts(data) is None


@pytest.mark.parametrize("name", CASES)
def test_bytes_that_somebody_made_up(name: str) -> None:
    data, leaf = payload_of(name, list(range(64)))
    assert int.from_bytes(data[:2], "little") & MARK
    random = Random(1)
    for _ in range(2000):
        changed = bytearray(data)
        for _ in range(random.randint(1, 3)):
            changed[random.choice((random.randrange(80), random.randrange(len(data))))] = random.randrange(256)
        del changed[random.choice((len(data), random.randrange(len(data)))) :]
        try:
            parts = LAYOUTS[name].parts(bytes(changed))
            if parts is not None:
                parts.find(leaf.keys[random.randrange(64)])
                parts.between((leaf.keys[5], 0), (leaf.keys[40], 1))
        except DatabaseCorrupt:
            continue
