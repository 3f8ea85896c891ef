"""New documents from old ones: || - #- and jsonb_set, jsonb_insert, strip_nulls, pretty. None is changed in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidb import errors
from minidb.documents import Document, Jsonb, document, elements, jsonb_of, kind_of, pairs, part_of, write
from minidb.json_syntax import quoted
from minidb.sql.functions.json_access import TEXTS
from minidb.sql.functions.registry import Function, Operator
from minidb.types import BOOLEAN, INTEGER, JSON, JSONB, TEXT

Path = tuple[str | None, ...]


def _refuse(words: str, hint: str | None = None) -> errors.InvalidParameterValue:
    return errors.InvalidParameterValue(words, hint=hint)


def _is_scalar(value: Document) -> bool:
    return type(value) is not dict and type(value) is not list


# -- joining ----------------------------------------------------------------------------------------------


def concatenate(left: Jsonb, right: Jsonb) -> Jsonb:
    """Objects are merged; anything else becomes an array."""
    one, other = document(left), document(right)
    if type(one) is dict and type(other) is dict:
        return jsonb_of({**one, **other})
    return part_of((one if type(one) is list else [one]) + (other if type(other) is list else [other]))


# -- deleting ---------------------------------------------------------------------------------------------


def _without(value: Document, names: Any) -> Jsonb:
    if _is_scalar(value):
        raise _refuse("cannot delete from scalar")
    if type(value) is dict:
        return part_of({name: item for name, item in value.items() if name not in names})
    return part_of([item for item in value if not (type(item) is str and item in names)])


def delete_name(target: Jsonb, name: str) -> Jsonb:
    return _without(document(target), (name,))


def delete_names(target: Jsonb, names: Path) -> Jsonb:
    return _without(document(target), names)


def delete_index(target: Jsonb, index: int) -> Jsonb:
    value = document(target)
    if type(value) is dict:
        raise _refuse("cannot delete from object using integer index")
    if type(value) is not list:
        raise _refuse("cannot delete from scalar")
    place = index + len(value) if index < 0 else index
    return part_of(value[:place] + value[place + 1 :]) if 0 <= place < len(value) else target


# -- along a path -----------------------------------------------------------------------------------------


class Change:
    """What happens at the end of a path: set (create or not), insert (before or after), delete."""

    def __init__(self, action: str, new: Document = None, *, create: bool = False, after: bool = False) -> None:
        self.action = action
        self.new = new
        self.create = create
        self.after = after

    def apply(self, value: Document, path: Path, level: int = 0) -> Document:
        """`value` with the change at `path[level:]`; `value` itself where the path leads nowhere."""
        step = path[level]
        if step is None:
            raise errors.DataError(f"path element at position {level + 1} is null", sqlstate="22004")
        if _is_scalar(value):
            return value
        last = level == len(path) - 1
        if type(value) is dict:
            return self._in_object(value, step, path, level, last)
        return self._in_array(value, step, path, level, last)

    def _in_object(self, value: dict[str, Document], name: str, path: Path, level: int, last: bool) -> Document:
        if not last:
            return {**value, name: self.apply(value[name], path, level + 1)} if name in value else value
        if self.action == "delete":
            return {key: item for key, item in value.items() if key != name}
        if name not in value:
            return {**value, name: self.new} if self.action == "insert" or self.create else value
        if self.action == "insert":
            raise _refuse("cannot replace existing key", "Try using the function jsonb_set to replace key value.")
        return {**value, name: self.new}

    def _in_array(self, value: list[Document], step: str, path: Path, level: int, last: bool) -> Document:
        index = subscript(step, level)
        place = index + len(value) if index < 0 else index
        if not last:
            if not 0 <= place < len(value):
                return value
            return [*value[:place], self.apply(value[place], path, level + 1), *value[place + 1 :]]
        if self.action == "delete":
            return value[:place] + value[place + 1 :] if 0 <= place < len(value) else value
        if not 0 <= place < len(value):
            if self.action != "insert" and not self.create:
                return value
            return [self.new, *value] if place < 0 else [*value, self.new]
        if self.action == "insert":
            place += self.after
            return [*value[:place], self.new, *value[place:]]
        return [*value[:place], self.new, *value[place + 1 :]]


def subscript(step: str, level: int) -> int:
    """The place in an array that a step of a path names. Raises 22P02."""
    try:
        return int(step)
    except ValueError:
        raise errors.InvalidTextRepresentation(
            f'path element at position {level + 1} is not an integer: "{step}"'
        ) from None


def _changed(target: Jsonb, path: Path, change: Change, words: str) -> Jsonb:
    value = document(target)
    if _is_scalar(value):
        raise _refuse(f"cannot {words} path in scalar")
    if not value and change.action != "insert" and not change.create:
        return target
    return jsonb_of(change.apply(value, path)) if path else target


def jsonb_set(target: Jsonb, path: Path, new: Jsonb, create: bool = True) -> Jsonb:
    return _changed(target, path, Change("set", document(new), create=create), "set")


def jsonb_insert(target: Jsonb, path: Path, new: Jsonb, after: bool = False) -> Jsonb:
    return _changed(target, path, Change("insert", document(new), after=after), "set")


def delete_path(target: Jsonb, path: Path) -> Jsonb:
    return _changed(target, path, Change("delete"), "delete")


def jsonb_set_lax(
    target: Jsonb | None,
    path: Path | None,
    new: Jsonb | None,
    create: bool | None = True,
    treatment: str | None = "use_json_null",
) -> Jsonb | None:
    """jsonb_set that says what a NULL means."""
    if target is None or path is None or create is None:
        return None
    if new is not None:
        return jsonb_set(target, path, new, create)
    if treatment not in ("raise_exception", "use_json_null", "delete_key", "return_target"):
        raise _refuse(
            'null_value_treatment must be "delete_key", "return_target", "use_json_null", or "raise_exception"'
        )
    if treatment == "raise_exception":
        raise errors.DataError(
            "JSON value must not be null",
            sqlstate="22004",
            detail='Exception was raised because null_value_treatment is "raise_exception".',
        )
    if treatment == "use_json_null":
        return jsonb_set(target, path, Jsonb("null"), create)
    return delete_path(target, path) if treatment == "delete_key" else target


# -- whole documents --------------------------------------------------------------------------------------


def _stripped(value: Document) -> Document:
    if type(value) is dict:
        return {name: _stripped(item) for name, item in value.items() if item is not None}
    return [_stripped(item) for item in value] if type(value) is list else value


def jsonb_strip_nulls(value: Jsonb) -> Jsonb:
    return part_of(_stripped(document(value)))


def json_strip_nulls(text: str) -> str:
    """Without blanks, everything else as it was written."""
    kind = kind_of(text)
    if kind == "object":
        parts = [f"{quoted(n)}:{json_strip_nulls(p)}" for n, p in pairs(text) if kind_of(p) != "null"]
        return "{" + ",".join(parts) + "}"
    if kind == "array":
        return "[" + ",".join(map(json_strip_nulls, elements(text))) + "]"
    return text.strip(" \t\n\r")


def _pretty(value: Document, indent: str) -> str:
    inner = indent + "    "
    if type(value) is dict:
        lines = [f"{inner}{quoted(name)}: {_pretty(item, inner)}" for name, item in value.items()]
        return "\n".join(["{", *([",\n".join(lines)] if lines else []), indent + "}"])
    if type(value) is list:
        lines = [inner + _pretty(item, inner) for item in value]
        return "\n".join(["[", *([",\n".join(lines)] if lines else []), indent + "]"])
    return write(value)


def jsonb_pretty(value: Jsonb) -> str:
    return _pretty(document(value), "")


# -- the tables -------------------------------------------------------------------------------------------


def operators() -> Iterator[Operator]:
    """The operators that make documents."""
    yield Operator("||", JSONB, JSONB, JSONB, concatenate)
    yield Operator("-", JSONB, TEXT, JSONB, delete_name)
    yield Operator("-", JSONB, INTEGER, JSONB, delete_index)
    yield Operator("-", JSONB, TEXTS, JSONB, delete_names)
    yield Operator("#-", JSONB, TEXTS, JSONB, delete_path)


def functions() -> Iterator[Function]:
    """All functions of this module."""
    change = (JSONB, TEXTS, JSONB)
    for name, call in (("jsonb_set", jsonb_set), ("jsonb_insert", jsonb_insert)):
        yield Function(name, change, JSONB, call)
        yield Function(name, (*change, BOOLEAN), JSONB, call)
    for arguments in (change, (*change, BOOLEAN), (*change, BOOLEAN, TEXT)):
        yield Function("jsonb_set_lax", arguments, JSONB, jsonb_set_lax, strict=False)
    yield Function("jsonb_strip_nulls", (JSONB,), JSONB, jsonb_strip_nulls)
    yield Function("json_strip_nulls", (JSON,), JSON, json_strip_nulls)
    yield Function("jsonb_pretty", (JSONB,), TEXT, jsonb_pretty)
    yield Function("jsonb_concat", (JSONB, JSONB), JSONB, concatenate)
