"""json and jsonb values: normal form, equality, order, and the way through pages and keys."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidb
from minidb import errors
from minidb.documents import Jsonb, document, elements, pairs, read_jsonb
from minidb.keys import ArrayKey, part
from minidb.storage.codec import pack_key, unpack_key

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
numbers = st.integers(-1000, 1000) | st.decimals(-10, 10, places=2)
documents = st.recursive(
    st.none() | st.booleans() | texts | numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def spelled(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(spelled, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join([f"{json.dumps(name)}:{spelled(item)}" for name, item in value.items()]) + "}"
    return json.dumps(value)


@given(documents)
def test_normal_form_is_a_fixed_point(value: Any) -> None:
    normal = read_jsonb(spelled(value))
    assert document(normal) == value
    assert str(read_jsonb(normal)) == str(normal)


@given(documents, documents)
def test_order_is_total_and_fits_equality(left: Any, right: Any) -> None:
    one, other = read_jsonb(spelled(left)), read_jsonb(spelled(right))
    assert (one < other) + (one == other) + (one > other) == 1
    assert (one <= other) == (not one > other)
    if one == other:
        assert hash(one) == hash(other)


def test_the_scale_of_a_number_is_kept_but_does_not_count() -> None:
    one, other = read_jsonb('{"price": 1.50}'), read_jsonb('{"price": 1.5}')
    assert (str(one), str(other)) == ('{"price": 1.50}', '{"price": 1.5}')
    assert one == other
    assert len({one, other}) == 1
    assert read_jsonb("1.0") == read_jsonb("1")
    assert hash(read_jsonb("1.0")) == hash(read_jsonb("1"))
    assert read_jsonb('"1.0"') != read_jsonb('"1.00"')


def test_keys_are_ordered_by_length_in_bytes() -> None:
    assert str(read_jsonb('{"ab":1, "é":2, "z":3, "z":4}')) == '{"z": 4, "ab": 1, "é": 2}'


def test_json_is_taken_apart_as_it_was_written() -> None:
    assert list(pairs(' {"a" : [1,  2] , "a":{"b":"}"}} ')) == [("a", "[1,  2]"), ("a", '{"b":"}"}')]
    assert list(elements("[1.50 , true,[ ]]")) == ["1.50", "true", "[ ]"]


def test_deep_nesting_is_an_error_of_its_own() -> None:
    with pytest.raises(errors.DataError) as caught:
        read_jsonb("[" * 100_000 + "]" * 100_000)
    assert caught.value.sqlstate == "54001"


@given(st.lists(st.none() | st.integers() | st.just(Decimal("NaN")), max_size=4))
def test_array_keys_survive_the_codec(items: list[Any]) -> None:
    key = part(tuple(items))
    assert unpack_key(pack_key(key)) == key
    assert unpack_key(pack_key((key, 1))) == (key, 1)


def test_array_keys_are_ordered_as_arrays() -> None:
    ordered = [(), (1,), (1, 2), (1, None), (2,), (Decimal("NaN"),), (None,)]
    assert sorted(map(ArrayKey, reversed(ordered))) == [ArrayKey(items) for items in ordered]


def test_documents_in_keys_survive_the_codec() -> None:
    key = unpack_key(pack_key((read_jsonb("[1.0]"), 2)))
    assert type(key[0]) is Jsonb
    assert key == (read_jsonb("[1.00]"), 2)


@pytest.mark.parametrize("clustered", ["", "CLUSTERED "])
def test_documents_and_arrays_survive_a_checkpoint_and_the_log(tmp_path: Path, clustered: str) -> None:
    path = tmp_path / "d.mdb"
    with minidb.connect(path, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE t (j jsonb, a int[], k json, PRIMARY KEY {clustered}(j, a))")
        connection.execute("""INSERT INTO t VALUES ('{"b":1,"a":[1.50]}', '{1,NULL}', '{"x" :1}')""")
        connection.execute("INSERT INTO t VALUES ('[]', '{}', NULL)")
        connection.execute("CHECKPOINT")
        connection.execute("INSERT INTO t VALUES ('2', '{3}', NULL)")
        connection.execute("DELETE FROM t WHERE j = '[]'")
    with minidb.connect(path, autocommit=True) as connection:
        rows = connection.execute("SELECT * FROM t ORDER BY j").fetchall()
        assert rows == [("2", (3,), None), ('{"a": [1.50], "b": 1}', (1, None), '{"x" :1}')]
        assert connection.execute("SELECT k FROM t WHERE j = ?", ('{"a": [1.5], "b": 1}',)).fetchall() == [
            ('{"x" :1}',)
        ]


def test_documents_are_str_to_the_driver() -> None:
    with minidb.connect(":memory:") as connection:
        value = json.dumps({"b": [1, None, True], "a": "x"})
        (row,) = connection.execute("SELECT ?::json, ?::jsonb", (value, value)).fetchall()
        assert row == (value, '{"a": "x", "b": [1, null, true]}')
        assert all(isinstance(item, str) for item in row)
        # what came out goes in again as an untyped literal
        assert connection.execute("SELECT ? = 'x', ?::jsonb = ?", (row[1], value, row[1])).fetchone() == (False, True)
        with pytest.raises(errors.CannotCoerce) as caught:
            connection.execute("SELECT ?", ({"a": 1},))
        assert caught.value.hint == "Pass json.dumps(value) for json and jsonb."
