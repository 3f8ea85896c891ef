"""The records of functions, operators and aggregates, and the rules by which a call finds its own.

    name + argument types --> candidates --> exact match?  --> most exact matches --> preferred types
                                          --> category of the unknown ones --> the only one left, or 42725

The rules are those of PostgreSQL's manual, chapter "Type Conversion" (func_select_candidate in parse_func.c). This
module holds no tables: those are beside it, one noun a file, and `catalogue` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from minidb import errors
from minidb.types import TEXT, UNKNOWN, SqlType, array_of, can_coerce, common_type

Volatility = Literal["immutable", "stable", "volatile"]
ResultType = SqlType | Callable[[Sequence[SqlType]], SqlType]
Types = tuple[SqlType, ...]

ELSEWHERE = {  # what stands here for functions of other databases
    "ifnull": "coalesce(value, ...)",
    "nvl": "coalesce(value, ...)",
    "isnull": "value IS NULL, or coalesce(value, ...)",
    "iif": "CASE WHEN condition THEN value ELSE value END",
    "if": "CASE WHEN condition THEN value ELSE value END",
    "instr": "strpos(text, part)",
    "charindex": "strpos(text, part)",
    "group_concat": "string_agg(text, separator)",
    "listagg": "string_agg(text, separator)",
    "printf": "format('%s', value), or to_char(number, '990.00')",
    "datetime": "timestamp '2026-01-31 12:00', or now()",
    "getdate": "now()",
    "sysdate": "now()",
    "curdate": "CURRENT_DATE",
    "strftime": "to_char(timestamp, 'YYYY-MM-DD')",
    "date_format": "to_char(timestamp, 'YYYY-MM-DD')",
    "julianday": "extract(julian FROM date), or date - date for a number of days",
    "unixepoch": "extract(epoch FROM timestamp)",
    "datediff": "date - date",
    "dateadd": "date + number, or timestamp + interval '1 day'",
    "date_add": "date + number, or timestamp + interval '1 day'",
    "typeof": "pg_typeof(value)",
    "len": "length(text)",
    "last_insert_rowid": "INSERT ... RETURNING column",
    "last_insert_id": "INSERT ... RETURNING column",
    "sqlite_version": "version()",
    "newid": "gen_random_uuid()",
    "uuid": "gen_random_uuid()",
    "range": "generate_series(first, last)",
}
_POLYMORPHIC = frozenset({"any", "anyelement", "anyarray", "anynonarray"})


class FunctionContext(Protocol):
    """What stable and volatile functions may ask of the session. Nothing else reads a clock or a random number."""

    now: datetime  # aware: start of the transaction
    statement_time: datetime  # aware: start of the statement
    session_user: str
    time_zone: str

    def clock(self) -> datetime: ...
    def random(self) -> float: ...
    def seed(self, value: float) -> None: ...
    def setting(self, name: str) -> str: ...
    def configure(self, name: str, value: str | None, local: bool) -> str: ...
    def sleep(self, seconds: float) -> None: ...
    def commit_number(self) -> int: ...
    def next_value(self, sequence: tuple[str, ...]) -> int: ...
    def set_value(self, sequence: tuple[str, ...], value: int, called: bool) -> int: ...
    def current_value(self, sequence: tuple[str, ...]) -> int: ...
    def latest_value(self) -> int: ...
    def comment_on(self, relation: tuple[str, ...], column: int | None) -> str | None: ...
    def serial_sequence(self, table: tuple[str, ...], column: str) -> str | None: ...


class Function(msgspec.Struct, frozen=True, eq=False):
    """One overload of a scalar or set-returning function.

    arguments: declared types; `variadic` is the type of any further ones.
    result: a type, or a function of the target types.
    call: takes plain values, after the context (`needs_context`) and the tuple of argument types (`needs_types`).
    strict: NULL in, NULL out, without a call. A function that is not strict gets None for NULL.
    returns_set: `call` gives an iterable of values, rows if the result is a record with fields.
    column: the name of its column in FROM, if that is not the alias.
    changes: a call has an effect that stays (nextval).
    template: Python source over {0}, {1}, ... for non-null operands, or None. An operand may occur more than once.
    """

    name: str
    arguments: Types
    result: ResultType
    call: Callable[..., Any]
    strict: bool = True
    volatility: Volatility = "immutable"
    variadic: SqlType | None = None
    needs_context: bool = False
    needs_types: bool = False
    returns_set: bool = False
    template: str | None = None
    column: str | None = None
    changes: bool = False

    def result_type(self, targets: Sequence[SqlType]) -> SqlType:
        """The type of a call whose arguments were converted to `targets`."""
        return result_of(self.result, targets)


class Operator(msgspec.Struct, frozen=True, eq=False):
    """One overload of an operator; `left` is None for a prefix operator. Operators are strict and immutable.

    template: Python source over {0} and {1} for non-null operands, or None. An operand may occur more than once, so
        bind it to a name first; helpers that it calls are in `HELPERS`. It may raise an ArithmeticError, which
        `types.arithmetic_error` translates.
    check: a key of `operators.CHECKS`, the condition that the template's result must satisfy; where it does not,
        `call` with the same operands raises the error (or, for an infinite float8, gives the value).
    raises_on_nan: the template raises decimal.InvalidOperation if an operand is NaN, where `call` has the answer.
    """

    name: str
    left: SqlType | None
    right: SqlType
    result: SqlType
    call: Callable[..., Any]
    template: str | None = None
    check: str | None = None
    raises_on_nan: bool = False

    @property
    def arguments(self) -> Types:
        return (self.right,) if self.left is None else (self.left, self.right)


class Aggregate(msgspec.Struct, frozen=True, eq=False):
    """One overload of an aggregate.

    kind: what a compiler may inline, see `aggregates`; 'general': use init, step and final.
    strict: rows with a NULL argument are skipped before `step`.
    wraps: for each argument the function (of one argument) that it goes through first.
    ordered_set: WITHIN GROUP: `step` gets the ordered values, `final` the state and the direct arguments; `arguments`
        are the direct ones followed by the ordered ones, `direct` says how many.
    """

    name: str
    arguments: Types
    result: ResultType
    init: Callable[[], Any]
    step: Callable[..., Any]
    final: Callable[..., Any]
    kind: str = "general"
    strict: bool = True
    ordered_set: bool = False
    direct: int = 0
    variadic: SqlType | None = None
    wraps: tuple[Function, ...] = ()

    def result_type(self, targets: Sequence[SqlType]) -> SqlType:
        return result_of(self.result, targets)


class WindowFunction(msgspec.Struct, frozen=True, eq=False):
    """The signature of a function that only makes sense with OVER. Its work is the executor's.

    uses_frame: first_value and its like look at the frame, rank and its like at the whole partition.
    """

    name: str
    arguments: Types
    result: ResultType
    uses_frame: bool = False
    variadic: SqlType | None = None

    def result_type(self, targets: Sequence[SqlType]) -> SqlType:
        return result_of(self.result, targets)


Overload = TypeVar("Overload", Function, Operator, Aggregate, WindowFunction)


def result_of(result: ResultType, targets: Sequence[SqlType]) -> SqlType:
    return result if isinstance(result, SqlType) else result(targets)


def first_type(targets: Sequence[SqlType]) -> SqlType:
    """Result type of a function that returns its first argument's type."""
    return targets[0].base


def element_of_first(targets: Sequence[SqlType]) -> SqlType:
    return targets[0].element or TEXT


def array_of_last(targets: Sequence[SqlType]) -> SqlType:
    last = targets[-1]
    return array_of(last if last.fields else last.base)


def spreading(function: Function, targets: Types) -> Function:
    """`function` with its last argument, an array, spread over further ones."""
    element = targets[-1].element or TEXT
    inner = function.call

    def call(*arguments: Any) -> Any:
        before, items = arguments[:-1], arguments[-1]
        if items is None and function.name == "format":  # as in PostgreSQL: no further arguments
            items = ()
        if items is None or (function.strict and None in items):
            return None
        types = ((*targets[:-1], *(element,) * len(items)),) if function.needs_types else ()
        context = before[: function.needs_context]
        return inner(*context, *types, *before[function.needs_context :], *items)

    return Function(
        function.name,
        targets,
        function.result,
        call,
        strict=False,
        volatility=function.volatility,
        needs_context=function.needs_context,
    )


# -- candidates -------------------------------------------------------------------------------------------


def declared_types(overload: Any, count: int) -> Types | None:
    """The declared types for a call with `count` arguments; None if it takes another number."""
    arguments: Types = overload.arguments
    if len(arguments) == count:
        return arguments
    variadic = getattr(overload, "variadic", None)
    if variadic is None or count < len(arguments):
        return None
    return arguments + (variadic,) * (count - len(arguments))


def _accepts(declared: Types, given: Types) -> bool:
    return all(_accepts_one(target, source) for target, source in zip(declared, given)) and (
        _polymorphic_agree(declared, given)
    )


def _accepts_one(target: SqlType, source: SqlType) -> bool:
    if target.name == "anynonarray":
        return source.element is None
    if target.name == "anyarray":
        return source.element is not None or source.name == "unknown"
    if target.name in _POLYMORPHIC:
        return True
    return can_coerce(source, target)


def _polymorphic_agree(declared: Types, given: Types) -> bool:
    try:
        bind_targets(declared, given)
    except errors.DatabaseError:
        return False
    return True


def bind_targets(declared: Types, given: Types) -> Types:
    """Replace the pseudo types of `declared` by what the call gives them: one element type for all of them."""
    if not any(target.name in _POLYMORPHIC for target in declared):
        return declared
    elements = [_element_given(target, source) for target, source in zip(declared, given)]
    known = [element for element in elements if element is not None]
    element = common_type(known, "argument") if known else TEXT
    return tuple([_bound(target, source, element) for target, source in zip(declared, given)])


def _element_given(target: SqlType, source: SqlType) -> SqlType | None:
    if target.name == "anyarray":
        return source.element if source.element is not None else UNKNOWN
    return source.base if target.name in ("anyelement", "anynonarray") else None


def _bound(target: SqlType, source: SqlType, element: SqlType) -> SqlType:
    if target.name == "any":
        return TEXT if source.name == "unknown" else source
    if target.name == "anyarray":
        return array_of(element)
    return element if target.name in _POLYMORPHIC else target


# -- selection --------------------------------------------------------------------------------------------

_Candidate = tuple[Overload, Types]


def select(overloads: Iterable[Overload], given: Types) -> list[tuple[Overload, Types]]:
    """The overloads that fit a call with these argument types: one is the answer, none or several are errors."""
    candidates = [(o, d) for o in overloads if (d := declared_types(o, len(given))) is not None]
    exact = [c for c in candidates if all(d == g for d, g in zip(c[1], given))]
    if exact:
        return exact[:1]
    candidates = [c for c in candidates if _accepts(c[1], given)]
    for narrow in (_most_exact, _most_preferred, _unknown_category, _unknown_as_known):
        if len(candidates) <= 1:
            break
        candidates = narrow(candidates, given)
    return candidates


def _best(candidates: list[_Candidate[Overload]], score: Callable[[Types], int]) -> list[_Candidate[Overload]]:
    scores = [score(declared) for _, declared in candidates]
    top = max(scores)
    return [c for c, s in zip(candidates, scores) if s == top]


def _most_exact(candidates: list[_Candidate[Overload]], given: Types) -> list[_Candidate[Overload]]:
    return _best(candidates, lambda declared: sum(d == g for d, g in zip(declared, given) if g is not UNKNOWN))


def _most_preferred(candidates: list[_Candidate[Overload]], given: Types) -> list[_Candidate[Overload]]:
    def score(declared: Types) -> int:
        return sum(
            d == g or (d.preferred and d.category == g.category) for d, g in zip(declared, given) if g.name != "unknown"
        )

    return _best(candidates, score)


def _unknown_category(candidates: list[_Candidate[Overload]], given: Types) -> list[_Candidate[Overload]]:
    """Untyped literals take the category that all candidates share there, or string if any takes a string."""
    slots: dict[int, tuple[str, bool]] = {}
    for place, source in enumerate(given):
        if source.name != "unknown":
            continue
        at_place = [declared[place] for _, declared in candidates]
        categories = {t.category for t in at_place}
        if len(categories) > 1 and "S" not in categories:
            return candidates
        category = "S" if "S" in categories else categories.pop()
        slots[place] = category, any(t.preferred for t in at_place if t.category == category)
    if not slots:
        return candidates

    def fits(declared: Types) -> bool:
        return all(
            declared[place].category == category and (declared[place].preferred or not preferred)
            for place, (category, preferred) in slots.items()
        )

    return [c for c in candidates if fits(c[1])] or candidates


def _unknown_as_known(candidates: list[_Candidate[Overload]], given: Types) -> list[_Candidate[Overload]]:
    """If all known arguments have one type, untyped literals are tried as that type."""
    known = {source for source in given if source.name != "unknown"}
    if len(known) != 1 or len(known) == len(given):
        return candidates
    assumed = (known.pop(),) * len(given)
    fitting = [c for c in candidates if _accepts(c[1], assumed)]
    exact = [c for c in fitting if c[1] == assumed]
    return exact or (fitting if len(fitting) == 1 else candidates)


def choose(overloads: Iterable[Overload], given: Types, described: str, kind: str = "function") -> _Candidate[Overload]:
    """The one overload for the call, with its target types; 42883 or 42725. `described` is `lower(integer)`."""
    found = select(overloads, given)
    if len(found) == 1:
        return found[0][0], bind_targets(found[0][1], given)
    is_operator = kind == "operator"
    if found:
        raise errors.AmbiguousFunction(
            f"operator is not unique: {described}" if is_operator else f"function {described} is not unique",
            hint=f"Could not choose a best candidate {kind}. You might need to add explicit type casts.",
        )
    elsewhere = ELSEWHERE.get(described.partition("(")[0])
    raise errors.UndefinedFunction(
        f"operator does not exist: {described}" if is_operator else f"function {described} does not exist",
        hint=f"Here it is {elsewhere}."
        if elsewhere
        else f"No {kind} matches the given name and argument types. You might need to add explicit type casts.",
    )
