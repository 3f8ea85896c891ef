"""Documents as rows: what json_to_record, json_populate_record and their sets make of objects.

The columns come from the call (`AS t(a int, ...)`, or a row of a table's type), so these functions are made for each
call. A string becomes a value as a literal does, everything else by its text; arrays of the document become arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from minidb import errors
from minidb.documents import Jsonb, document, elements, kind_of, pairs, part_of
from minidb.sql.functions.json_access import as_text, json_as_text
from minidb.sql.functions.registry import Function
from minidb.types import ANYELEMENT, JSON, JSONB, SqlType
from minidb.zoned import read

Fields = tuple[tuple[str, SqlType], ...]
Row = tuple[Any, ...]
FROM_DEFINITION = frozenset({"json_to_record", "jsonb_to_record", "json_to_recordset", "jsonb_to_recordset"})
FROM_ROW = frozenset(
    {"json_populate_record", "jsonb_populate_record", "json_populate_recordset", "jsonb_populate_recordset"}
)
_SCALAR = "scalar"


class _Reading(msgspec.Struct, frozen=True):
    """How the parts of a document are asked for: json's are texts as they were written, jsonb's are documents."""

    members: Callable[[Any], dict[str, Any]]
    items: Callable[[Any], list[Any]]
    kind: Callable[[Any], str]
    text: Callable[[Any], str | None]
    as_json: Callable[[Any], Any]
    as_jsonb: Callable[[Any], Jsonb]


def _kind_of_document(value: Any) -> str:
    if type(value) is dict:
        return "object"
    return "array" if type(value) is list else "null" if value is None else _SCALAR


_TEXTS = _Reading(
    members=lambda text: dict(pairs(text)),
    items=lambda text: list(elements(text)),
    kind=lambda text: found if (found := kind_of(text)) in ("object", "array", "null") else _SCALAR,
    text=json_as_text,
    as_json=lambda text: text,
    as_jsonb=lambda text: part_of(document(text)),
)
_DOCUMENTS = _Reading(
    members=lambda value: value,
    items=lambda value: value,
    kind=_kind_of_document,
    text=as_text,
    as_json=lambda value: str(part_of(value)),
    as_jsonb=part_of,
)


class _Rows:
    """Turns objects into rows of these fields. `bare`: a row of one column is that column's value."""

    def __init__(self, name: str, fields: Fields, zone: str, bare: bool) -> None:
        self.name = name
        self.fields = fields
        self.zone = zone
        self.bare = bare and len(fields) == 1
        self.of_documents = name.startswith("jsonb")
        self.reading = _DOCUMENTS if self.of_documents else _TEXTS

    def opened(self, value: str) -> Any:
        return document(value) if self.of_documents else value

    def record(self, value: str | None, base: Row | None) -> Any:
        """The row of one object."""
        if value is None:
            return None if base is None and not self.bare else self._shaped(base or (None,) * len(self.fields))
        opened = self.opened(value)
        kind = self.reading.kind(opened)
        if kind != "object":
            words = "an array" if kind == "array" else "a scalar"
            raise errors.InvalidParameterValue(f"cannot call populate_composite on {words}")
        return self._row(opened, base)

    def records(self, value: str, base: Row | None) -> Iterator[Any]:
        """The rows of an array of objects."""
        opened = self.opened(value)
        kind = self.reading.kind(opened)
        if kind != "array":
            words = "a non-array" if self.of_documents else "an object" if kind == "object" else "a scalar"
            raise errors.InvalidParameterValue(f"cannot call {self.name} on {words}")
        for item in self.reading.items(opened):
            if self.reading.kind(item) != "object":
                raise errors.InvalidParameterValue(f"argument of {self.name} must be an array of objects")
            yield self._row(item, base)

    def _row(self, item: Any, base: Row | None) -> Any:
        members = self.reading.members(item)
        before = base or (None,) * len(self.fields)
        return self._shaped(
            tuple(
                [
                    self._value(members[name], kind, (name,)) if name in members else known
                    for (name, kind), known in zip(self.fields, before)
                ]
            )
        )

    def _shaped(self, row: Row) -> Any:
        return row[0] if self.bare else row

    def _value(self, part: Any, kind: SqlType, path: tuple[str, ...]) -> Any:
        reading = self.reading
        if kind.name == "json":
            return reading.as_json(part)
        if kind.name == "jsonb":
            return reading.as_jsonb(part)
        found = reading.kind(part)
        if found == "null":
            return None
        if kind.element is not None and found != _SCALAR:
            return self._array(part, found, kind.element, path)
        if kind.fields is not None:
            raise errors.NotSupportedError("a row inside a row cannot be made from a document", hint=_see(path))
        text = reading.text(part)
        if kind.element is not None and self._is_bare(part):
            raise _no_array(path)
        return None if text is None else read(kind, text, self.zone)

    def _is_bare(self, part: Any) -> bool:
        """A number or a boolean: the literal of an array is a string."""
        return type(part) is not str if self.of_documents else kind_of(part) != "string"

    def _array(self, part: Any, found: str, element: SqlType, path: tuple[str, ...]) -> Row:
        if found != "array":
            raise _no_array(path)
        items = self.reading.items(part)
        if any(self.reading.kind(item) == "array" for item in items) and element.name not in ("json", "jsonb"):
            raise errors.NotSupportedError("arrays have one dimension", hint=_see(path))
        return tuple([self._value(item, element, (*path, str(place))) for place, item in enumerate(items)])


def _no_array(path: tuple[str, ...]) -> errors.InvalidTextRepresentation:
    return errors.InvalidTextRepresentation("expected JSON array", hint=_see(path))


def _see(path: tuple[str, ...]) -> str:
    if len(path) == 1:
        return f'See the value of key "{path[0]}".'
    places = "".join([f"[{place}]" for place in path[1:]])
    return f'See the array element {places} of key "{path[0]}".'


def record_function(name: str, fields: Fields, zone: str, in_from: bool) -> Function:
    """The function of this call. In FROM even a single row is a set, whose columns are those of `fields`."""
    rows = _Rows(name, fields, zone, bare=in_from)
    kind = JSONB if rows.of_documents else JSON
    takes_row, many = name in FROM_ROW, name.endswith("set")
    call: Callable[..., Any] = rows.records if many else rows.record
    if takes_row:
        asked = call

        def call(base: Row | None, value: str | None) -> Any:
            return () if many and value is None else asked(value, base)

    else:
        asked = call

        def call(value: str | None) -> Any:
            return () if many and value is None else asked(value, None)

    final = call if many or not in_from else (lambda *arguments: [call(*arguments)])
    return Function(
        name,
        (ANYELEMENT, kind) if takes_row else (kind,),
        SqlType("record", fields=fields),
        final,
        strict=False,
        volatility="stable",
        returns_set=many or in_from,
    )
