"""Single items of a path: what kind they are, what a method makes of one, what is below one."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from minidb import errors
from minidb.documents import document_kind, is_number
from minidb.jsonpath import nodes
from minidb.jsonpath.failures import Failure
from minidb.jsonpath.nodes import UNBOUNDED
from minidb.sql.functions.json_path_moments import Moment
from minidb.sql.functions.patterns import compile_regex
from minidb.types import DOUBLE, canonical_numeric, from_text, numeric_round, to_text


def bare(value: Decimal) -> int | Decimal:
    """A number as documents hold it: whole ones without a scale are int."""
    return int(value) if value.as_tuple().exponent == 0 and value.adjusted() < 4000 else value


def levels(step: nodes.Levels, item: Any, level: int = 0) -> Iterator[Any]:
    """`item` and what is below it, as deep as `.**{first to last}` asks; first `last`: what holds nothing."""
    parts = list(item.values()) if type(item) is dict else item if type(item) is list else None
    if step.first <= level <= step.last or (level and parts is None and step.first == step.last == UNBOUNDED):
        yield item
    if parts is not None and level < step.last:
        for part in parts:
            yield from levels(step, part, level + 1)


def operand(side: str, found: list[Any], symbol: str) -> Decimal:
    if len(found) != 1 or not is_number(found[0]):
        raise Failure("22038", f"{side} operand of jsonpath operator {symbol} is not a single numeric value")
    return Decimal(found[0])


def kind_of_item(item: Any) -> str:
    if type(item) is Moment:
        return item.kind
    return "number" if is_number(item) else document_kind(item)


def double(item: Any) -> Any:
    if type(item) is not str and not is_number(item):
        raise Failure("22036", "jsonpath item method .double() can only be applied to a string or numeric value")
    try:
        value = from_text(DOUBLE, str(item))
        if abs(value) < float("inf"):
            return item if type(item) is not str else bare(canonical_numeric(Decimal(to_text(DOUBLE, value))))
    except errors.DataError:
        pass
    if type(item) is str:
        words = "string argument of jsonpath item method .double() is not a valid representation of"
        raise Failure("22036", f"{words} a double precision number")
    words = "numeric argument of jsonpath item method .double() is out of range for type"
    raise Failure("22036", f"{words} double precision")


def rounded(name: str, item: Any) -> Any:
    if not is_number(item):
        raise Failure("22036", f"jsonpath item method .{name}() can only be applied to a numeric value")
    if name == "abs":
        return abs(item) if type(item) is int else item.copy_abs()
    return bare(numeric_round(Decimal(item), 0, ROUND_CEILING if name == "ceiling" else ROUND_FLOOR))


def starts_with(whole: Any, initial: Any) -> bool | None:
    return whole.startswith(initial) if type(whole) is str and type(initial) is str else None


def pattern(node: nodes.LikeRegex) -> Any:
    """XQuery's flags in PostgreSQL's letters: `.` stops at a newline unless `s` is given, `m` is about ^ and $."""
    flags = "".join(["i" if "i" in node.flags else "", "q" if "q" in node.flags else ""])
    if "q" not in node.flags:
        flags += {(False, False): "p", (False, True): "n", (True, True): "w"}.get(
            ("s" in node.flags, "m" in node.flags), ""
        )
    return compile_regex(node.pattern, flags)


def number_of(item: dict[str, Any], root: Any) -> int:
    """A number that no other object of the document has; 0 for the document itself."""
    if item is root:
        return 0
    stack = [root]
    number = 0
    while stack:
        value = stack.pop()
        parts = list(value.values()) if type(value) is dict else value if type(value) is list else []
        for part in parts:
            number += 1
            if part is item:
                return number
        stack.extend(parts)
    return number
