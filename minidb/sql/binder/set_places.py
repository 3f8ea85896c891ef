"""Where no set-returning function may stand: what takes one value a row, and what decides whether it takes any."""

from __future__ import annotations

from minidb import errors
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.trees import relations_in

_LATERAL = "You might be able to move the set-returning function into a LATERAL FROM item."


def returns_set(part: object, scope: Scope) -> bool:
    """Whether `part` (an expression, or a tuple of them) holds a set-returning call of this SELECT's list."""
    selection = scope.selection
    if selection is None or not (selection.set_calls or selection.upper_sets):
        return False
    return not relations_in(part).isdisjoint(selection.set_relations)


def refuse_in(construct: str, part: object, at: int, scope: Scope) -> None:
    """Raises 0A000 for CASE, COALESCE and what is computed before the sets are: `construct` names it."""
    if returns_set(part, scope):
        raise errors.NotSupportedError(
            f"set-returning functions are not allowed in {construct}", position=at, hint=_LATERAL
        )


def refuse_argument(word: str, part: object, at: int, scope: Scope) -> None:
    """Raises 42804 for an argument of AND, OR, NOT: `word`."""
    if word == "FILTER":
        refuse_in(word, part, at, scope)
    if returns_set(part, scope):
        raise errors.DatatypeMismatch(f"argument of {word} must not return a set", position=at)
