"""Literal lifting: statements that differ in their literals only share a shape, and so a plan.

    SELECT name FROM t WHERE id = 42 AND kind = 'x' LIMIT 10
    shape   pieces "SELECT name FROM t WHERE id = ", " AND kind = ", " LIMIT ", ""     and per literal "i0", "t1", "10"
    values  42, 'x'

One regular expression cuts the text at its literals. Which of them can be lifted depends on the pieces between them
and on their kinds only, so it is decided once for these (by parsing a sample, below) and remembered; after that
lifting costs one split, one look-up and one conversion for each literal.

What the key says about a lifted literal is its kind (by its spelling, as PostgreSQL types literals) and its number;
equal literals share one number, so that `SELECT a % 10 ... GROUP BY a % 10` still matches, and a shape in which two
literals are equal is another one than that in which they are not. All other literals stand in the key as they are.

What stays: whatever means more than a value. That is everything the grammar does not read as an expression (typed
literals, intervals, type modifiers, options), ordinals of ORDER BY, GROUP BY and DISTINCT ON, LIMIT and OFFSET, frame
bounds, AS OF, patterns, keys of json operators, what is cast, what selects a partial index in ON CONFLICT, names in
strings (nextval) and formats (to_char). Statements other than queries and INSERT, UPDATE, DELETE are not lifted, nor
texts with comments, dollar signs or letters before a quote: the split does not understand those.

From a key to its tree: `parse_lifted` gives the text's tree with `ast.Lifted(index, kind, value)` in the places of
the lifted literals, where `index` counts in the list of values that `lift` returns for every text with this key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from minidb import errors
from minidb.sql import ast
from minidb.sql.parser import parse_lifted as parse_with_places

Key: TypeAlias = tuple[str, ...]
Value: TypeAlias = int | Decimal | str

# Begins with a set of characters, so that `re` skips to the next one of them; what was met is looked at afterwards.
_LITERAL = re.compile(
    r"""(['"0-9](?:(?<=')[^']*(?:''[^']*)*'|(?<=")[^"]*"|(?<=[0-9])(?<![\w.$:\\][0-9])[0-9]*(?:\.[0-9]+)?(?![\w.])))"""
)
_LIFTED_STATEMENT = re.compile(r"[\s(]*(?:select|insert|update|delete|with|values)\b", re.IGNORECASE)
_NOT_UNDERSTOOD = re.compile(r"--|/\*|\$|\w\Z")
_KINDS: dict[str, ast.LiftedKind] = {"i": "int4", "b": "int8", "n": "numeric", "t": "text"}
_SAMPLES = {"i": "1", "b": "3000000000", "n": "1.5", "t": "'x'"}
_MAX_LITERALS = 200
_DAYS = frozenset(("'now'", "'today'", "'tomorrow'", "'yesterday'"))  # as dates they mean another value each time
_KEY_OPERATORS = frozenset(
    ("~", "~*", "!~", "!~*", "->", "->>", "#>", "#>>", "#-", "@>", "<@", "?", "?|", "?&", "^@", "&&")
)
_NAMED_FUNCTIONS = frozenset(
    ("nextval", "currval", "setval", "date_trunc", "date_part", "extract", "timezone", "to_char", "to_date",
     "to_timestamp", "to_number", "format", "regexp_replace", "regexp_match", "regexp_matches", "regexp_like",
     "regexp_count", "regexp_substr", "regexp_split_to_array", "regexp_split_to_table", "current_setting",
     "set_config", "encode", "decode", "convert_to", "convert_from")
)  # fmt: skip


def lift(text: str) -> tuple[Key, list[Value]] | None:
    """The shape of a statement and the values of its lifted literals, or None if it has to be cached by its text."""
    pieces = _LITERAL.split(text)
    if len(pieces) > 2 * _MAX_LITERALS or "\0" in text or not (text.isascii() or _is_encodable(text)):
        return None
    if '"' in text:
        pieces = _join_quoted(pieces)
    literals = pieces[1::2]
    if not _DAYS.isdisjoint(literals):
        return None
    kinds = "".join(["t" if literal[0] == "'" else _kind(literal) for literal in literals])
    between = tuple(pieces[::2])
    liftable = _liftable(between, kinds)
    if liftable is None:
        return None
    numbers: dict[str, int] = {}
    marks = list(literals)
    for place in liftable:
        literal = literals[place]
        marks[place] = f"{kinds[place]}{numbers.setdefault(literal, len(numbers))}"
    return between + tuple(marks), [_value(literal) for literal in numbers]


def parse_lifted(text: str) -> tuple[ast.Statement, list[Value]] | None:
    """The tree of a text that `lift` accepts, with `Lifted` nodes, and its values; None where `lift` returns None.

    Raises what `parse` raises.
    """
    lifted = lift(text)
    if lifted is None:
        return None
    key, values = lifted
    places = _places(text, key)
    tree, met = parse_with_places(text, places)
    assert met == len(places), "a sample of the shape was read in another way"
    return tree, values


def _places(text: str, key: Key) -> dict[int, tuple[int, ast.LiftedKind, object]]:
    """Offset of each lifted literal -> its number, kind and value."""
    count = len(key) // 2
    between, marks = key[: count + 1], key[count + 1 :]
    places: dict[int, tuple[int, ast.LiftedKind, object]] = {}
    at = 0
    for piece, mark in zip(between, marks):
        at += len(piece)
        match = _LITERAL.match(text, at)
        assert match is not None
        if mark[0] in _KINDS:
            places[at] = int(mark[1:]), _KINDS[mark[0]], _value(match[0])
        at = match.end()
    return places


# -- The pieces -----------------------------------------------------------------------------------------------


def _is_encodable(text: str) -> bool:
    """Whether there is no lone surrogate, which the parser would complain about."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _join_quoted(pieces: list[str]) -> list[str]:
    """Quoted names are no literals: they go into the pieces around them."""
    joined = [pieces[0]]
    for literal, piece in zip(pieces[1::2], pieces[2::2]):
        if literal[0] == '"':
            joined[-1] += literal + piece
        else:
            joined += (literal, piece)
    return joined


def _kind(literal: str) -> str:
    """Of a number: int4, int8 or numeric."""
    if "." in literal:
        return "n"
    if len(literal) < 10:
        return "i"
    if len(literal) > 19:
        return "n"
    number = int(literal)
    return "i" if number < 1 << 31 else "b" if number < 1 << 63 else "n"


def _value(literal: str) -> Value:
    if literal[0] == "'":
        return literal[1:-1].replace("''", "'")
    if len(literal) < 10 and "." not in literal:
        return int(literal)
    return Decimal(literal) if _kind(literal) == "n" else int(literal)


# -- What can be lifted -----------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _liftable(between: tuple[str, ...], kinds: str) -> tuple[int, ...] | None:
    """Which of the literals between the pieces are nothing but values, or None if the text is not to be lifted at all.

    Found by parsing a sample, which has the same tree as every text of these pieces and kinds.
    """
    if not _LIFTED_STATEMENT.match(between[0]):
        return None
    for piece, kind in zip(between, kinds + " "):
        if (found := _NOT_UNDERSTOOD.search(piece)) and (kind == "t" or not found[0].isalnum()):
            return None
    sample, offsets = _sample(between, kinds)
    try:
        tree = parse_with_places(sample, {offset: (0, _KINDS[kind], 0) for offset, kind in zip(offsets, kinds)})[0]
    except errors.Error:
        return None
    read = {node.at for node in ast.walk(tree) if isinstance(node, ast.Lifted)}
    kept = {node.at for node in _meaning_more(tree)}
    return tuple(place for place, offset in enumerate(offsets) if offset in read and offset not in kept)


def _sample(between: tuple[str, ...], kinds: str) -> tuple[str, list[int]]:
    """A text with these pieces and literals of these kinds, and where the literals are."""
    text, offsets = "", []
    for piece, kind in zip(between, kinds):
        text += piece
        offsets.append(len(text))
        text += _SAMPLES[kind]
    return text + between[-1], offsets


def _meaning_more(tree: ast.Node) -> Iterator[ast.Node]:
    """The nodes in whose places a literal is more than a value."""
    for node in ast.walk(tree):
        match node:
            case ast.SortKey():
                yield node.expression
            case ast.Query():
                yield from _below(node.limit, node.offset, node.as_of)
            case ast.Select():
                yield from _ordinals(*node.distinct_on, *node.group_by)
            case ast.FrameBound():
                yield from _below(node.offset)
            case ast.OnConflict():
                yield from _below(node.keys_where, *node.keys)
            case ast.Like():
                yield from _below(node.pattern, node.escape)
            case ast.Cast():
                yield node.operand
            case ast.BinaryOp() if node.operator in _KEY_OPERATORS:
                yield from (node.left, node.right)
            case ast.FunctionCall() if node.name[-1] in _NAMED_FUNCTIONS:
                yield from node.arguments


def _ordinals(*keys: ast.Node) -> Iterator[ast.Node]:
    """The keys, and those inside of ROLLUP, GROUPING SETS and the like."""
    for key in keys:
        yield key
        if isinstance(key, (ast.Row, ast.GroupingSets, ast.Rollup, ast.Cube)):
            yield from _ordinals(*ast.children(key))


def _below(*nodes: ast.Node | None) -> Iterator[ast.Node]:
    for node in nodes:
        if node is not None:
            yield from ast.walk(node)


