"""jsonb_path_query and its like, and the operators @? and @@: paths of SQL/JSON applied to documents.

What follows paths is imported when the first one is followed: few sessions have any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from minidb import errors
from minidb.documents import Jsonb, document, part_of
from minidb.jsonpath.failures import Failure
from minidb.sql.functions.registry import Function, FunctionContext, Operator
from minidb.types import BOOLEAN, JSONB, JSONPATH, time_zone

if TYPE_CHECKING:
    from minidb.sql.functions.json_path_steps import Follower

_DOCUMENTS = frozenset({str, int, Decimal, bool, list, dict})
_NO_VARIABLES = Jsonb("{}")


def _follower(value: Jsonb, path: str, variables: Jsonb, zone: tzinfo | None) -> Follower:
    known = document(variables) if variables is not _NO_VARIABLES else {}
    if type(known) is not dict:
        raise errors.InvalidParameterValue(
            '"vars" argument is not an object',
            detail='Jsonpath parameters should be encoded as key-value pairs of "vars" object.',
        )
    from minidb.sql.functions.json_path_steps import follower

    return follower(path, document(value), known, zone)


def _found(follower: Follower, silent: bool) -> Iterator[Any]:
    """The items; where one fails, silence ends them."""
    try:
        yield from follower.items()
    except Failure as failure:
        if not silent:
            raise failure.error() from None


def _as_jsonb(item: Any) -> Jsonb:
    return part_of(_plain(item))


def _plain(item: Any) -> Any:
    """The item as documents hold it: dates are strings there."""
    return item if item is None or type(item) in _DOCUMENTS else str(item)


def exists(value: Jsonb, path: str, variables: Jsonb, silent: bool, zone: tzinfo | None) -> bool | None:
    """Whether the path finds anything; strict paths are followed to their end."""
    follower = _follower(value, path, variables, zone)
    try:
        return any(True for _ in follower.items()) if follower.lax else bool(list(follower.items()))
    except Failure as failure:
        if silent:
            return None
        raise failure.error() from None


def match(value: Jsonb, path: str, variables: Jsonb, silent: bool, zone: tzinfo | None) -> bool | None:
    """The truth of the path's predicate."""
    found = list(_found(_follower(value, path, variables, zone), silent))
    if len(found) == 1 and (found[0] is None or type(found[0]) is bool):
        return found[0]
    if silent:
        return None
    raise errors.DataError("single boolean result is expected", sqlstate="22038")


def query(value: Jsonb, path: str, variables: Jsonb, silent: bool, zone: tzinfo | None) -> list[Jsonb]:
    return [_as_jsonb(item) for item in list(_found(_follower(value, path, variables, zone), silent))]


def query_array(value: Jsonb, path: str, variables: Jsonb, silent: bool, zone: tzinfo | None) -> Jsonb:
    return part_of([_plain(item) for item in list(_found(_follower(value, path, variables, zone), silent))])


def query_first(value: Jsonb, path: str, variables: Jsonb, silent: bool, zone: tzinfo | None) -> Jsonb | None:
    found = list(_found(_follower(value, path, variables, zone), silent))
    return _as_jsonb(found[0]) if found else None


Question = Callable[[Jsonb, str, Jsonb, bool, tzinfo | None], Any]


def _plain_call(ask: Question) -> Callable[..., Any]:
    def call(value: Jsonb, path: str, variables: Jsonb = _NO_VARIABLES, silent: bool = False) -> Any:
        return ask(value, path, variables, silent, None)

    return call


def _zoned_call(ask: Question) -> Callable[..., Any]:
    def call(
        context: FunctionContext, value: Jsonb, path: str, variables: Jsonb = _NO_VARIABLES, silent: bool = False
    ) -> Any:
        return ask(value, path, variables, silent, time_zone(context.time_zone))

    return call


def functions() -> Iterator[Function]:
    """All functions of this module."""
    for name, result, ask in (
        ("jsonb_path_exists", BOOLEAN, exists),
        ("jsonb_path_match", BOOLEAN, match),
        ("jsonb_path_query", JSONB, query),
        ("jsonb_path_query_array", JSONB, query_array),
        ("jsonb_path_query_first", JSONB, query_first),
    ):
        is_set = name == "jsonb_path_query"
        for further in ((), (JSONB,), (JSONB, BOOLEAN)):
            arguments = (JSONB, JSONPATH, *further)
            yield Function(name, arguments, result, _plain_call(ask), returns_set=is_set)
            yield Function(
                f"{name}_tz", arguments, result, _zoned_call(ask),
                volatility="stable", needs_context=True, returns_set=is_set,
            )


def operators() -> Iterator[Operator]:
    """@? and @@: errors of structure and kind are unknown."""
    yield Operator("@?", JSONB, JSONPATH, BOOLEAN, lambda value, path: exists(value, path, _NO_VARIABLES, True, None))
    yield Operator("@@", JSONB, JSONPATH, BOOLEAN, lambda value, path: match(value, path, _NO_VARIABLES, True, None))
