"""What is inside a document: the operators -> ->> #> #>> @> ? and the functions that take documents apart.

Each exists twice. json is read as text: `->` gives the part as it was written, of a duplicate key the last. jsonb is
read as a document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from minidb import errors
from minidb.documents import (
    Document,
    Jsonb,
    document,
    elements,
    kind_of,
    number_text,
    pairs,
    part_of,
)
from minidb.json_syntax import skip_blanks
from minidb.sql.functions.registry import Function, Operator
from minidb.types import BOOLEAN, INTEGER, JSON, JSONB, TEXT, SqlType, array_of

_MISSING = object()  # not found; None is the document null
TEXTS = array_of(TEXT)


# -- jsonb ------------------------------------------------------------------------------------------------


def _integer(text: str) -> int | None:
    """A path element as a subscript."""
    stripped = text.strip()
    digits = stripped[1:] if stripped[:1] in "+-" else stripped
    return int(stripped) if digits.isdecimal() and digits.isascii() and len(digits) < 11 else None


def _field(value: Document, name: str) -> Any:
    return value.get(name, _MISSING) if type(value) is dict else _MISSING


def _element(value: Document, index: int) -> Any:
    """A scalar at the top is an array of one to PostgreSQL."""
    if type(value) is dict:
        return _MISSING
    items = value if type(value) is list else [value]
    place = index + len(items) if index < 0 else index
    return items[place] if 0 <= place < len(items) else _MISSING


def _at_path(value: Document, path: tuple[str | None, ...]) -> Any:
    for step in path:
        if step is None:
            return _MISSING
        if type(value) is dict:
            value = value.get(step, _MISSING)
        elif type(value) is list:
            index = _integer(step)
            value = _MISSING if index is None else _element(value, index)
        else:
            return _MISSING
        if value is _MISSING:
            return value
    return value


def _as_jsonb(found: Any) -> Jsonb | None:
    return None if found is _MISSING else part_of(found)


def as_text(found: Any) -> str | None:
    """What ->> gives: strings without quotes, null as NULL."""
    if found is _MISSING or found is None:
        return None
    kind = type(found)
    if kind is str:
        return found  # type: ignore[no-any-return]
    if kind is int or kind is Decimal:
        return number_text(found)
    return str(part_of(found))


def jsonb_field(value: Jsonb, name: str) -> Jsonb | None:
    return _as_jsonb(_field(document(value), name))


def jsonb_field_text(value: Jsonb, name: str) -> str | None:
    return as_text(_field(document(value), name))


def jsonb_element(value: Jsonb, index: int) -> Jsonb | None:
    return _as_jsonb(_element(document(value), index))


def jsonb_element_text(value: Jsonb, index: int) -> str | None:
    return as_text(_element(document(value), index))


def jsonb_path(value: Jsonb, path: tuple[str | None, ...]) -> Jsonb | None:
    return _as_jsonb(_at_path(document(value), path))


def jsonb_path_text(value: Jsonb, path: tuple[str | None, ...]) -> str | None:
    return as_text(_at_path(document(value), path))


# -- containment and existence ----------------------------------------------------------------------------


def same_scalar(left: Document, right: Document) -> bool:
    """Equality of scalars; Python takes True for 1."""
    return (type(left) is bool) == (type(right) is bool) and bool(left == right)


def _is_container(value: Document) -> bool:
    return type(value) is dict or type(value) is list


def _contains(left: Document, right: Document) -> bool:
    if type(right) is dict:
        return type(left) is dict and all(
            name in left and (_contains(left[name], item) if _is_container(item) else same_scalar(left[name], item))
            for name, item in right.items()
        )
    if type(right) is list:
        return type(left) is list and all(_has_element(left, item) for item in right)
    return not _is_container(left) and same_scalar(left, right)


def _has_element(items: list[Document], wanted: Document) -> bool:
    if _is_container(wanted):
        return any(_contains(item, wanted) for item in items if type(item) is type(wanted))
    return any(not _is_container(item) and same_scalar(item, wanted) for item in items)


def jsonb_contains(left: Jsonb, right: Jsonb) -> bool:
    """@>: at the top an array may also contain a scalar."""
    one, other = document(left), document(right)
    if type(one) is list and not _is_container(other):
        return _has_element(one, other)
    return _contains(one, other)


def _exists(value: Document, name: str | None) -> bool:
    if type(value) is dict:
        return name in value
    items = value if type(value) is list else [value]
    return any(type(item) is str and item == name for item in items)


def jsonb_exists(value: Jsonb, name: str) -> bool:
    return _exists(document(value), name)


def jsonb_exists_any(value: Jsonb, names: tuple[str | None, ...]) -> bool:
    found = document(value)
    return any(name is not None and _exists(found, name) for name in names)


def jsonb_exists_all(value: Jsonb, names: tuple[str | None, ...]) -> bool:
    found = document(value)
    return all(name is None or _exists(found, name) for name in names)


# -- json -------------------------------------------------------------------------------------------------


def _json_field(text: str, name: str) -> str | None:
    found = None
    if kind_of(text) == "object":
        for key, part in pairs(text):
            if key == name:
                found = part
    return found


def _json_element(text: str, index: int) -> str | None:
    if kind_of(text) != "array":
        return None
    items = list(elements(text))
    place = index + len(items) if index < 0 else index
    return items[place] if 0 <= place < len(items) else None


def _json_path(text: str, path: tuple[str | None, ...]) -> str | None:
    found: str | None = text
    for step in path:
        if step is None or found is None:
            return None
        if kind_of(found) == "object":
            found = _json_field(found, step)
        else:
            index = _integer(step)
            found = None if index is None else _json_element(found, index)
    return found


def json_as_text(part: str | None) -> str | None:
    if part is None:
        return None
    start = skip_blanks(part, 0)
    if part[start] == '"' or part[start] == "n":
        return _checked(as_text(document(part)))
    return part


def _checked(text: str | None) -> str | None:
    """json may hold \\u0000 as it is written; text cannot."""
    if text is not None and "\0" in text:
        raise errors.DataError(
            "unsupported Unicode escape sequence", sqlstate="22P05", detail="\\u0000 cannot be converted to text."
        )
    return text


def json_field_text(text: str, name: str) -> str | None:
    """Strings and whole numbers need not be looked up as they were written."""
    value = document(text)
    if type(value) is not dict:
        return None
    found = value.get(name)
    if found is None or type(found) is str:
        return _checked(found)
    if type(found) is int and found:
        return str(found)
    return json_as_text(_json_field(text, name))


def json_element_text(text: str, index: int) -> str | None:
    return json_as_text(_json_element(text, index))


def json_path_text(text: str, path: tuple[str | None, ...]) -> str | None:
    return json_as_text(_json_path(text, path))


# -- kinds, lengths, keys ---------------------------------------------------------------------------------


def _refuse(words: str) -> errors.InvalidParameterValue:
    return errors.InvalidParameterValue(words)


def array_length(text: str) -> int:
    kind = kind_of(text)
    if kind != "array":
        raise _refuse(f"cannot get array length of a {'non-array' if kind == 'object' else 'scalar'}")
    return len(document(text))


def _check_array(text: str) -> None:
    kind = kind_of(text)
    if kind != "array":
        raise _refuse(f"cannot extract elements from {'an object' if kind == 'object' else 'a scalar'}")


def jsonb_elements(value: Jsonb) -> Iterator[Jsonb]:
    _check_array(value)
    return map(part_of, document(value))


def jsonb_elements_text(value: Jsonb) -> Iterator[str | None]:
    _check_array(value)
    return map(as_text, document(value))


def json_elements(text: str) -> Iterator[str]:
    _check_array(text)
    return elements(text)


def json_elements_text(text: str) -> Iterator[str | None]:
    _check_array(text)
    return map(json_as_text, elements(text))


def _check_object(text: str, name: str) -> None:
    kind = kind_of(text)
    if kind == "object":
        return
    if name.startswith("jsonb"):
        raise _refuse(f"cannot call {name} on a non-object")
    raise _refuse("cannot deconstruct an array as an object" if kind == "array" else "cannot deconstruct a scalar")


def jsonb_each(value: Jsonb) -> Iterable[tuple[str, Jsonb]]:
    _check_object(value, "jsonb_each")
    return [(name, part_of(item)) for name, item in document(value).items()]


def jsonb_each_text(value: Jsonb) -> Iterable[tuple[str, str | None]]:
    _check_object(value, "jsonb_each_text")
    return [(name, as_text(item)) for name, item in document(value).items()]


def json_each(text: str) -> Iterable[tuple[str, str]]:
    _check_object(text, "json_each")
    return pairs(text)


def json_each_text(text: str) -> Iterable[tuple[str, str | None]]:
    _check_object(text, "json_each_text")
    return [(name, json_as_text(part)) for name, part in pairs(text)]


def _check_keys(text: str, name: str) -> None:
    kind = kind_of(text)
    if kind != "object":
        raise _refuse(f"cannot call {name} on {'an array' if kind == 'array' else 'a scalar'}")


def json_object_keys(text: str) -> Iterable[str]:
    _check_keys(text, "json_object_keys")
    return [name for name, _ in pairs(text)]


def jsonb_object_keys(value: Jsonb) -> Iterable[str]:
    _check_keys(value, "jsonb_object_keys")
    return list(document(value))


# -- the tables -------------------------------------------------------------------------------------------


def operators() -> Iterator[Operator]:
    """The operators that read documents."""
    for kind, part, text, steps in (
        (JSON, (_json_field, _json_element), (json_field_text, json_element_text), (_json_path, json_path_text)),
        (
            JSONB,
            (jsonb_field, jsonb_element),
            (jsonb_field_text, jsonb_element_text),
            (jsonb_path, jsonb_path_text),
        ),
    ):
        yield Operator("->", kind, TEXT, kind, part[0])
        yield Operator("->", kind, INTEGER, kind, part[1])
        yield Operator("->>", kind, TEXT, TEXT, text[0])
        yield Operator("->>", kind, INTEGER, TEXT, text[1])
        yield Operator("#>", kind, TEXTS, kind, steps[0])
        yield Operator("#>>", kind, TEXTS, TEXT, steps[1])
    yield Operator("@>", JSONB, JSONB, BOOLEAN, jsonb_contains)
    yield Operator("<@", JSONB, JSONB, BOOLEAN, lambda left, right: jsonb_contains(right, left))
    yield Operator("?", JSONB, TEXT, BOOLEAN, jsonb_exists)
    yield Operator("?|", JSONB, TEXTS, BOOLEAN, jsonb_exists_any)
    yield Operator("?&", JSONB, TEXTS, BOOLEAN, jsonb_exists_all)


def _columns(value: SqlType) -> SqlType:
    return SqlType("record", fields=(("key", TEXT), ("value", value)))


def functions() -> Iterator[Function]:
    """All functions of this module."""
    for name, kind, path, path_text in (
        ("json", JSON, _json_path, json_path_text),
        ("jsonb", JSONB, jsonb_path, jsonb_path_text),
    ):
        yield Function(f"{name}_extract_path", (kind,), kind, _spread(path), variadic=TEXT)
        yield Function(f"{name}_extract_path_text", (kind,), TEXT, _spread(path_text), variadic=TEXT)
        yield Function(f"{name}_typeof", (kind,), TEXT, kind_of)
        yield Function(f"{name}_array_length", (kind,), INTEGER, array_length)
    for name, kind, result, call in (
        ("json_array_elements", JSON, JSON, json_elements),
        ("json_array_elements_text", JSON, TEXT, json_elements_text),
        ("jsonb_array_elements", JSONB, JSONB, jsonb_elements),
        ("jsonb_array_elements_text", JSONB, TEXT, jsonb_elements_text),
        ("json_object_keys", JSON, TEXT, json_object_keys),
        ("jsonb_object_keys", JSONB, TEXT, jsonb_object_keys),
        ("json_each", JSON, _columns(JSON), json_each),
        ("json_each_text", JSON, _columns(TEXT), json_each_text),
        ("jsonb_each", JSONB, _columns(JSONB), jsonb_each),
        ("jsonb_each_text", JSONB, _columns(TEXT), jsonb_each_text),
    ):
        column = "value" if "elements" in name else None
        yield Function(name, (kind,), result, call, returns_set=True, column=column)
    yield Function("jsonb_exists", (JSONB, TEXT), BOOLEAN, jsonb_exists)
    yield Function("jsonb_exists_any", (JSONB, TEXTS), BOOLEAN, jsonb_exists_any)
    yield Function("jsonb_exists_all", (JSONB, TEXTS), BOOLEAN, jsonb_exists_all)
    yield Function("jsonb_contains", (JSONB, JSONB), BOOLEAN, jsonb_contains)


def _spread(call: Any) -> Any:
    return lambda value, *path: call(value, path)
