"""SQL values as JSON: to_json, to_jsonb, the building functions and aggregates.

json is written as text at once, with the blanks that PostgreSQL has (json_build_object puts ` : ` behind a key,
row_to_json nothing); jsonb goes through documents and gets its normal form at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from minidb import errors
from minidb.documents import Document, Jsonb, document, jsonb_of
from minidb.json_syntax import quoted
from minidb.sql.functions.registry import Aggregate, Function, Types
from minidb.types import (
    ANY,
    ANYARRAY,
    ANYELEMENT,
    BOOLEAN,
    JSON,
    JSONB,
    RECORD,
    TEXT,
    SqlType,
    adapt,
    array_of,
    double_text,
    real_text,
    to_text,
)

_NUMBERS = frozenset({"smallint", "integer", "bigint", "real", "double precision", "numeric"})
Fields = Sequence[tuple[str, SqlType, Any]]


def record_fields(kind: SqlType, value: tuple[Any, ...]) -> Fields:
    """Name, type and value of each column of a record; f1, f2, ... where nothing names them."""
    if kind.fields is not None:
        return [(name, of, item) for (name, of), item in zip(kind.fields, value)]
    return [(f"f{place}", adapt(item)[0], item) for place, item in enumerate(value, 1)]


def _iso(kind: SqlType, value: Any) -> str:
    """Dates and times in JSON are ISO 8601, with a T."""
    text = to_text(kind, value)
    if kind.name == "timestamp":
        return text.replace(" ", "T", 1)
    if kind.name == "timestamptz":
        moment: str = value.isoformat(timespec="microseconds" if value.microsecond else "seconds")
        fraction = f".{value.microsecond:06}"
        return moment.replace(fraction, fraction.rstrip("0"))
    return text


# -- as text ----------------------------------------------------------------------------------------------


def json_text(kind: SqlType, value: Any, line: str = "") -> str:
    """`value` as JSON text; `line` stands behind the commas of a pretty row or array."""
    if value is None:
        return "null"
    if kind.element is not None:
        return "[" + f",{line}".join([json_text(kind.element, item) for item in value]) + "]"
    if kind.name == "record":
        return row_text(kind, value, line)
    if kind.name in ("json", "jsonb"):
        return str(value)
    if kind.name == "boolean":
        return "true" if value else "false"
    text = _iso(kind, value)
    if kind.name in _NUMBERS and text[-1].isdigit():
        return text
    return quoted(text)


def row_text(kind: SqlType, value: tuple[Any, ...], line: str = "") -> str:
    parts = [f"{quoted(name)}:{json_text(of, item)}" for name, of, item in record_fields(kind, value)]
    return "{" + f",{line}".join(parts) + "}"


def to_json(types: Types, value: Any) -> str:
    return json_text(types[0], value)


def with_lines(types: Types, value: Any, pretty: bool = False) -> str:
    """row_to_json and array_to_json."""
    return json_text(types[0], value, "\n " if pretty else "")


def _key_text(kind: SqlType, value: Any, place: int) -> str:
    if value is None:
        raise errors.InvalidParameterValue(f"argument {place} cannot be null", hint="Object keys should be text.")
    return _name_text(kind, value)


def _name_text(kind: SqlType, value: Any) -> str:
    if kind.element is not None or kind.name in ("record", "json", "jsonb"):
        raise errors.InvalidParameterValue("key value must be scalar, not array, composite, or json")
    return ("true" if value else "false") if kind.name == "boolean" else _iso(kind, value)


def _check_pairs(count: int) -> None:
    if count % 2:
        raise errors.InvalidParameterValue(
            "argument list must have even number of elements",
            hint="The arguments of json_build_object() must consist of alternating keys and values.",
        )


def json_build_object(types: Types, *values: Any) -> str:
    _check_pairs(len(values))
    parts = [
        f"{quoted(_key_text(types[i], values[i], i + 1))} : {json_text(types[i + 1], values[i + 1])}"
        for i in range(0, len(values), 2)
    ]
    return "{" + ", ".join(parts) + "}"


def json_build_array(types: Types, *values: Any) -> str:
    return "[" + ", ".join(map(json_text, types, values)) + "]"


# -- as documents -----------------------------------------------------------------------------------------


def document_of(kind: SqlType, value: Any) -> Document:
    """`value` as a document: what to_jsonb makes of it."""
    if value is None or kind.name == "boolean":
        return value
    if kind.element is not None:
        return [document_of(kind.element, item) for item in value]
    if kind.name == "record":
        return {name: document_of(of, item) for name, of, item in record_fields(kind, value)}
    if kind.name in ("json", "jsonb"):
        return document(value)
    if kind.name in _NUMBERS:
        return _number(kind, value)
    return _iso(kind, value)


def _number(kind: SqlType, value: Any) -> Document:
    if type(value) is int:
        return value
    if type(value) is float:
        text = real_text(value) if kind.name == "real" else double_text(value)
        return Decimal(f"{Decimal(text):f}") if text[-1].isdigit() else text
    return value if value.is_finite() else to_text(kind, value)


def to_jsonb(types: Types, value: Any) -> Jsonb:
    return jsonb_of(document_of(types[0], value))


def jsonb_build_object(types: Types, *values: Any) -> Jsonb:
    _check_pairs(len(values))
    return jsonb_of(
        {
            _key_text(types[i], values[i], i + 1): document_of(types[i + 1], values[i + 1])
            for i in range(0, len(values), 2)
        }
    )


def jsonb_build_array(types: Types, *values: Any) -> Jsonb:
    return jsonb_of(list(map(document_of, types, values)))


# -- from arrays of text ----------------------------------------------------------------------------------


def _text_pairs(keys: tuple[Any, ...], values: tuple[Any, ...] | None) -> list[tuple[str, Any]]:
    if values is None:
        if len(keys) % 2:
            raise errors.DataError("array must have even number of elements", sqlstate="2202E")
        keys, values = keys[::2], keys[1::2]
    if len(keys) != len(values):
        raise errors.DataError("mismatched array dimensions", sqlstate="2202E")
    if None in keys:
        raise errors.DataError("null value not allowed for object key", sqlstate="22004")
    return list(zip(keys, values))


def json_object(keys: tuple[Any, ...], values: tuple[Any, ...] | None = None) -> str:
    parts = [f"{quoted(k)} : {'null' if v is None else quoted(v)}" for k, v in _text_pairs(keys, values)]
    return "{" + ", ".join(parts) + "}"


def jsonb_object(keys: tuple[Any, ...], values: tuple[Any, ...] | None = None) -> Jsonb:
    return jsonb_of(dict(_text_pairs(keys, values)))


# -- aggregates -------------------------------------------------------------------------------------------
#
# Their arguments are wrapped when the call is bound, because only then the types are known: json in text, jsonb in
# documents.


def _append(state: list[Any], *values: Any) -> list[Any]:
    state.append(values[0] if len(values) == 1 else values)
    return state


def _aggregated_text(types: Types, value: Any) -> str:
    text = json_text(types[0], value)
    if value is not None and (types[0].element is not None or types[0].name == "record"):
        return _NEW_LINE + text
    return text


def _aggregated_document(types: Types, value: Any) -> Any:
    return (document_of(types[0], value),)


def _aggregated_name(types: Types, value: Any) -> str:
    if value is None:
        raise errors.InvalidParameterValue("field name must not be null")
    return _name_text(types[0], value)


_TEXT = Function("to_json", (ANYELEMENT,), JSON, _aggregated_text, strict=False, needs_types=True)
_DOCUMENT = Function("to_jsonb", (ANYELEMENT,), JSONB, _aggregated_document, strict=False, needs_types=True)
_NAME = Function("text", (ANY,), TEXT, _aggregated_name, strict=False, needs_types=True)


_NEW_LINE = "\n "  # json_agg puts rows and arrays on lines of their own, but for the first


def _joined(parts: list[str]) -> str | None:
    return "[" + ", ".join(parts).removeprefix(_NEW_LINE) + "]" if parts else None


def _object_text(parts: list[tuple[str, str]]) -> str | None:
    return "{ " + ", ".join([f"{quoted(k)} : {v}" for k, v in parts]) + " }" if parts else None


def aggregates() -> Iterator[Aggregate]:
    """json_agg, jsonb_agg, json_object_agg, jsonb_object_agg."""
    yield Aggregate("json_agg", (ANYELEMENT,), JSON, list, _append, _joined, strict=False, wraps=(_TEXT,))
    yield Aggregate(
        "jsonb_agg",
        (ANYELEMENT,),
        JSONB,
        list,
        _append,
        lambda state: jsonb_of([item for (item,) in state]) if state else None,
        strict=False,
        wraps=(_DOCUMENT,),
    )
    yield Aggregate(
        "json_object_agg", (ANY, ANY), JSON, list, _append, _object_text, strict=False, wraps=(_NAME, _TEXT)
    )
    yield Aggregate(
        "jsonb_object_agg",
        (ANY, ANY),
        JSONB,
        list,
        _append,
        lambda state: jsonb_of({name: item for name, (item,) in state}) if state else None,
        strict=False,
        wraps=(_NAME, _DOCUMENT),
    )


def functions() -> Iterator[Function]:
    """All functions of this module."""
    yield Function("to_json", (ANYELEMENT,), JSON, to_json, needs_types=True)
    yield Function("to_jsonb", (ANYELEMENT,), JSONB, to_jsonb, needs_types=True)
    for name, kind in (("row_to_json", RECORD), ("array_to_json", ANYARRAY)):
        yield Function(name, (kind,), JSON, with_lines, needs_types=True)
        yield Function(name, (kind, BOOLEAN), JSON, with_lines, needs_types=True)
    for name, result, build in (
        ("json_build_object", JSON, json_build_object),
        ("json_build_array", JSON, json_build_array),
        ("jsonb_build_object", JSONB, jsonb_build_object),
        ("jsonb_build_array", JSONB, jsonb_build_array),
    ):
        yield Function(name, (), result, build, strict=False, variadic=ANY, needs_types=True)
    texts = array_of(TEXT)
    for arguments in ((texts,), (texts, texts)):
        yield Function("json_object", arguments, JSON, json_object)
        yield Function("jsonb_object", arguments, JSONB, jsonb_object)
