"""Documents: the values of json and jsonb, how they are read, normalised, written and ordered.

json is the text that was given, checked and otherwise untouched. jsonb is a `Jsonb`: its text in normal form, which is
a str like any other to Python, and which compares as jsonb does:

    '{"bb":1, "a":[1.50,  null], "a":[1.50,null]}'  -->  {"a": [1.50, null], "bb": 1}

    keys       each once (the last wins), shorter ones first, then by their bytes in UTF-8
    numbers    as numeric has them: exact, with their scale, without an exponent
    blanks     one after each comma and colon

Text rather than a tree, because it is compact in memory and on pages, needs no conversion on its way out, and equality
of documents is nearly always equality of texts. What is inside a document is asked of `document(text)`: dict, list,
str, int or Decimal, bool, None. Those must never be changed in place: they may be shared.

Order (compareJsonbContainers): object > array > boolean > number > string > null; more pairs or elements are above
fewer; then element by element, keys before values. An empty array at the top is below everything, as in PostgreSQL.

Invariants:
 1. `Jsonb` holds normal form: whoever makes one from text normalises first.
 2. Equal documents have equal hashes, also 1.0 and 1.00, which differ as texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from minidb import errors
from minidb.json_syntax import complain, decoder, quoted, scan_once, scan_string, skip_blanks

Document = Any  # dict, list, str, int, Decimal, bool or None

_TRAILING_ZERO = re.compile(r"\d\.\d*0(?!\d)")  # a number that may equal another text (or a string that looks like one)


class Jsonb(str):
    """A jsonb value: its normal text, with the equality, order and hash of documents."""

    __slots__ = ("_order", "_same")
    _order: tuple[Any, ...]
    _same: str

    def __eq__(self, other: object) -> bool:
        if str.__eq__(self, other) is True:
            return True
        return type(other) is Jsonb and self.identity == other.identity

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.identity)

    def __lt__(self, other: object) -> bool:
        return order_key(self) < order_key(other) if type(other) is Jsonb else NotImplemented

    def __le__(self, other: object) -> bool:
        return order_key(self) <= order_key(other) if type(other) is Jsonb else NotImplemented

    def __gt__(self, other: object) -> bool:
        return order_key(self) > order_key(other) if type(other) is Jsonb else NotImplemented

    def __ge__(self, other: object) -> bool:
        return order_key(self) >= order_key(other) if type(other) is Jsonb else NotImplemented

    @property
    def identity(self) -> str:
        """A text that is the same for equal documents: numbers lose their trailing zeros."""
        try:
            return self._same
        except AttributeError:
            pass
        text = str(self)
        self._same = text if _TRAILING_ZERO.search(text) is None else write(document(text), _bare_number)
        return self._same


def order_key(text: Jsonb) -> tuple[Any, ...]:
    """What Python's own order of tuples compares as PostgreSQL compares documents."""
    try:
        return text._order
    except AttributeError:
        text._order = key = _top_key(document(text))
        return key


def _top_key(value: Document) -> tuple[Any, ...]:
    return (-1,) if value == [] and type(value) is list else _key(value)


def _key(value: Document) -> tuple[Any, ...]:
    if value is None:
        return (0,)
    kind = type(value)
    if kind is str:
        return (1, value)
    if kind is bool:
        return (3, value)
    if kind is list:
        return (4, len(value), *map(_key, value))
    if kind is dict:
        return (5, len(value), *(part for name, item in value.items() for part in (name, _key(item))))
    return (2, value)


# -- reading ----------------------------------------------------------------------------------------------

_latest: tuple[tuple[str, Document], tuple[str, Document]] = (("null", None), ("true", True))


def document(text: str) -> Document:
    """What `text` says, by its own order of keys. Never change the result: the two latest ones are remembered, so that
    several questions to the same row's document read it once, and what all rows are compared with is read once."""
    global _latest
    first, second = _latest
    if first[0] is text:
        return first[1]
    if second[0] is text:
        _latest = (second, first)
        return second[1]
    value = _parse(text)
    _latest = ((text, value), first)
    return value


def _parse(text: str) -> Document:
    try:
        return decoder().decode(text)
    except (ValueError, InvalidOperation):
        raise complain(text) from None
    except RecursionError:
        raise errors.DataError("stack depth limit exceeded", sqlstate="54001") from None


def check_json(text: str) -> str:
    """`text` itself, if it is JSON. Raises 22P02 with what is wrong."""
    _parse(text)
    return text


def read_jsonb(text: str) -> Jsonb:
    """The document that `text` spells. Raises 22P02, 22P05."""
    value = _parse(text)
    try:
        return Jsonb(write(_ordered(value)))
    except UnicodeEncodeError:
        raise errors.InvalidTextRepresentation(
            "invalid input syntax for type json", detail="Unicode low surrogate must follow a high surrogate."
        ) from None


def jsonb_of(value: Document) -> Jsonb:
    """The jsonb value for a document whose objects may be in any order."""
    return Jsonb(write(_ordered(value)))


def part_of(value: Document) -> Jsonb:
    """The jsonb value for a part of a document that is in order already."""
    return Jsonb(write(value))


def is_number(value: Document) -> bool:
    return type(value) is int or type(value) is Decimal


def document_kind(value: Document) -> str:
    """The word for what a document is, in messages."""
    if value is None:
        return "null"
    return {str: "string", bool: "boolean", list: "array", dict: "object"}.get(type(value), "numeric")


def key_order(name: str) -> tuple[int, bytes]:
    data = name.encode()
    return len(data), data


def _ordered(value: Document) -> Document:
    """`value` with the keys of its objects in order, and its strings checked."""
    kind = type(value)
    if kind is dict:
        names = sorted(value, key=key_order)
        for name in names:
            _check_string(name)
        return {name: _ordered(value[name]) for name in names}
    if kind is list:
        return [_ordered(item) for item in value]
    if kind is str:
        _check_string(value)
    return value


def _check_string(value: str) -> None:
    if "\0" in value:
        raise errors.DataError(
            "unsupported Unicode escape sequence", sqlstate="22P05", detail="\\u0000 cannot be converted to text."
        )
    if not value.isascii():
        value.encode()  # lone surrogates: UnicodeEncodeError


# -- writing ----------------------------------------------------------------------------------------------


def number_text(value: int | Decimal) -> str:
    return str(value) if type(value) is int else f"{value:f}"


def _bare_number(value: int | Decimal) -> str:
    text = number_text(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


_WORDS = {True: "true", False: "false", None: "null"}


def write(value: Document, number: Callable[[Any], str] = number_text) -> str:
    """The text of a document, in the order of its keys."""
    kind = type(value)
    if kind is str:
        return quoted(value)
    if kind is dict:
        return "{" + ", ".join([f"{quoted(name)}: {write(item, number)}" for name, item in value.items()]) + "}"
    if kind is list:
        return "[" + ", ".join([write(item, number) for item in value]) + "]"
    if value is None or kind is bool:
        return _WORDS[value]
    return number(value)


# -- json, as it was written ------------------------------------------------------------------------------


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """The keys and the texts of the values of a json object, duplicates and blanks as they were written."""
    position = skip_blanks(text, 0) + 1
    scan = scan_once()
    while True:
        position = skip_blanks(text, position)
        if text[position] == "}":
            return
        if text[position] == ",":
            position = skip_blanks(text, position + 1)
        name, position = scan_string(text, position + 1)
        position = skip_blanks(text, skip_blanks(text, position) + 1)
        _, end = scan(text, position)
        yield name, text[position:end]
        position = end


def elements(text: str) -> Iterator[str]:
    """The texts of the elements of a json array."""
    position = skip_blanks(text, 0) + 1
    scan = scan_once()
    while True:
        position = skip_blanks(text, position)
        if text[position] == "]":
            return
        if text[position] == ",":
            position = skip_blanks(text, position + 1)
        _, end = scan(text, position)
        yield text[position:end]
        position = end


def kind_of(text: str) -> str:
    """object, array, string, number, boolean or null: what json_typeof says."""
    first = text[skip_blanks(text, 0)]
    return {"{": "object", "[": "array", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}.get(
        first, "number"
    )
