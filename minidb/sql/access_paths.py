"""How one table can be read: which predicates an index answers, and what that costs.

    predicates of the table --match--> an interval per index --cost--> candidates, one of which the planner takes

A predicate is *sargable* for an index column if it compares the bare column (or the index's own expression) with
something that does not come from this table: constants, parameters, columns of tables that stand outside. Leading
columns are fixed by `=`, IS NULL, IN or `= ANY`; the first one that is not may have a range; LIKE 'abc%' is one. What
an interval answers exactly needs no filter any more. A partial index is usable where its condition follows from the
predicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import log2

import msgspec

from minidb import schema
from minidb.sql import plan, selectivity
from minidb.sql.functions import like_prefix, prefix_upper_bound
from minidb.sql.physical import REF, Bound, Interval, Part, Path
from minidb.sql.rules import walk
from minidb.sql.rules.nulls import strict_columns

# microseconds, measured on the generated code
ROW = 0.04  # a row of a scan
NEAR = 0.3  # a row found through a secondary index whose entries are in the order of the rows
FAR = 0.6  # the same where they are not, in a small table
MISSED = 1.4  # what that costs more in a large one, whose pages are not all decoded
LARGE = 100_000.0  # rows
ENTRY = 0.1  # an entry of an index-only scan
DESCENT = 4.0  # opening a range
FOUND = 1.5  # a unique look-up
FILTER = 0.03  # testing a predicate
SMALLEST = 300.0  # rows that a scan is taken to read at least: a table grows, and what is scanned is locked as a whole

MAXIMAL_ALTERNATIVES = 1000  # values of an IN list that are looked up one by one


class Candidate(msgspec.Struct, frozen=True, eq=False):
    """A path, what is left to filter, and the estimates for one run."""

    path: Path
    filters: tuple[plan.Expression, ...]
    rows: float
    cost: float
    single: bool = False


class Access:
    """Everything known about one table of a statement.

    `condition_of(index)` is a partial index's condition as terms over `relation`, `key_of` an index expression;
    both come from the binder. `needed`: positions of columns that the statement uses; None where whole rows are."""

    def __init__(
        self,
        scan: plan.Scan,
        rows: float,
        lookup: selectivity.ColumnLookup,
        expressions: Mapping[tuple[int, int], plan.Expression],
        conditions: Mapping[int, Sequence[plan.Expression]],
        needed: set[int] | None,
        settings: Settings,
    ) -> None:
        self.scan = scan
        self.rows = rows
        self.lookup = lookup
        self.expressions = expressions
        self.conditions = conditions
        self.needed = needed
        self.settings = settings

    # -- candidates

    def candidates(self, predicates: Sequence[plan.Expression]) -> list[Candidate]:
        """Every way to read the table; `predicates` may mention outer columns."""
        for predicate in predicates:
            address = self._address(predicate)
            if address is not None:
                rest = tuple([p for p in predicates if p is not predicate])
                return [Candidate(Path(kind="scan", address=address), rest, 1.0, DESCENT)]
        found = [self._whole(predicates)]
        for index in self.scan.table.indexes:
            if not self._usable(index, predicates):
                continue
            candidate = self._through(index, predicates)
            if candidate is not None:
                found.append(candidate)
        return found

    def _address(self, predicate: plan.Expression) -> plan.Expression | None:
        """What a row's address is compared with (WHERE CURRENT OF)."""
        if not isinstance(predicate, plan.Operator) or len(predicate.arguments) != 2:
            return None
        column, value = predicate.arguments
        is_own = isinstance(column, plan.Column) and column.relation == self.scan.relation
        return value if is_own and column.position == REF else None  # type: ignore[attr-defined]

    def best(self, predicates: Sequence[plan.Expression]) -> Candidate:
        return min(self.candidates(predicates), key=lambda candidate: candidate.cost)

    def _whole(self, predicates: Sequence[plan.Expression]) -> Candidate:
        cost = (
            max(self.rows, SMALLEST) * (ROW + FILTER * len(predicates))
            + DESCENT
            + self.settings.penalty("enable_seqscan")
        )
        return Candidate(Path(kind="scan"), tuple(predicates), self.share(predicates) * self.rows, cost)

    def share(self, predicates: Iterable[plan.Expression]) -> float:
        return selectivity.of_all(predicates, self.lookup)

    def _usable(self, index: schema.Index, predicates: Sequence[plan.Expression]) -> bool:
        if index.where is None:
            return True
        terms = self.conditions.get(index.id)
        return terms is not None and all(any(implies(p, term) for p in predicates) for term in terms)

    def _through(self, index: schema.Index, predicates: Sequence[plan.Expression]) -> Candidate | None:
        interval, answered, partly = self._interval(index, predicates)
        implied = self.conditions.get(index.id, ()) if index.where is not None else ()
        filters = tuple(
            p for p in predicates if not any(p is a for a in answered) and not any(same(p, term) for term in implied)
        )
        complete = len(interval.parts) == len(index.keys)
        values_only = complete and all(p.value is not None for p in interval.parts)
        if complete and index.certain and values_only:
            return self._unique(index, interval, filters)
        covering = self._covered(index)
        read = self.rows * self.share([*answered, *partly, *implied])
        alternatives = 1.0
        for part in interval.parts:
            if part.items is not None:
                alternatives *= len(part.items)
            elif part.array is not None:
                alternatives *= 10
        if complete and index.certain:
            read = min(read, alternatives)
        floor = max(SMALLEST - read, 0.0) * (ROW + FILTER * len(filters)) if interval.whole else 0.0
        per_row = ROW if index.clustered else ENTRY if covering else self._looked_up(index)
        cost = alternatives * DESCENT + log2(self.rows + 2) * 0.05 + floor + read * (per_row + FILTER * len(filters))
        cost += self.settings.penalty("enable_indexonlyscan" if covering else "enable_indexscan")
        kind = "scan" if index.clustered else "entries" if covering else "range"
        path = Path(kind=kind, index=index, interval=interval)
        return Candidate(path, filters, min(read, self.share(predicates) * self.rows), cost)

    def _looked_up(self, index: schema.Index) -> float:
        """The cost of a row found through `index`: neighbours in the index may be neighbours in the table, too."""
        far = FAR + MISSED * min(self.rows / LARGE, 1.0)
        key = index.keys[0]
        column: walk.ColumnKey | plan.Expression | None = self.expressions.get((index.id, 0))
        if key.position is not None:
            column = self.scan.relation, key.position
        statistics = self.lookup(column) if column is not None else None
        order = statistics.correlation if statistics is not None else 0.0
        if len(index.keys) > 1:
            order *= 0.75  # as PostgreSQL: the other columns stand between equal leading ones
        return far + (NEAR - far) * order * order

    def _unique(self, index: schema.Index, interval: Interval, filters: tuple[plan.Expression, ...]) -> Candidate:
        cost = FOUND + FILTER * len(filters) + self.settings.penalty("enable_indexscan")
        share = self.share(filters)
        return Candidate(Path(kind="find", index=index, interval=interval), filters, share, cost, single=True)

    def _covered(self, index: schema.Index) -> bool:
        """Whether the index alone has every column that the statement uses."""
        if self.needed is None or index.clustered:
            return False
        held = {key.position for key in index.keys} | set(index.include)
        return self.needed <= held

    # -- matching predicates with an index

    def _interval(
        self, index: schema.Index, predicates: Sequence[plan.Expression]
    ) -> tuple[Interval, list[plan.Expression], list[plan.Expression]]:
        """(the interval, predicates that it answers exactly, predicates that only narrow it)."""
        parts: list[Part] = []
        answered: list[plan.Expression] = []
        several = False
        for key in range(len(index.keys)):
            found = self._fixed(index, key, predicates, several)
            if found is None:
                break
            part, predicate = found
            several = several or part.items is not None or part.array is not None
            parts.append(part)
            answered.append(predicate)
        if len(parts) == len(index.keys):
            return Interval(tuple(parts)), answered, []
        low, high, exact, partly = self._range(index, len(parts), predicates)
        not_null = False
        if low is None and high is None:
            for predicate in predicates:
                if isinstance(predicate, plan.IsNull) and predicate.negated:
                    if self.is_key(index, len(parts), predicate.argument):
                        not_null = True
                        exact = [predicate]
        return Interval(tuple(parts), low, high, not_null), answered + exact, partly

    def is_indexed(self, column: walk.ColumnKey) -> bool:
        """Whether an index has the column, by itself or in an expression."""
        if column[0] != self.scan.relation:
            return False
        return bool(self.expressions) or any(
            key.position == column[1] for index in self.scan.table.indexes for key in index.keys
        )

    def is_key(self, index: schema.Index, place: int, expression: plan.Expression) -> bool:
        """Whether `expression` is the index's column `place`."""
        key = index.keys[place]
        bare = walk.strip_relabel(expression)
        if key.position is not None:
            return (
                isinstance(bare, plan.Column) and bare.relation == self.scan.relation and bare.position == key.position
            )
        indexed = self.expressions.get((index.id, place))
        return indexed is not None and same(bare, indexed)

    def _outside(self, expression: plan.Expression) -> bool:
        """Whether a value can be computed before this table is read."""
        return self.scan.relation not in walk.relations(expression) and not walk.is_volatile(expression)

    def _fixed(
        self, index: schema.Index, place: int, predicates: Sequence[plan.Expression], several: bool
    ) -> tuple[Part, plan.Expression] | None:
        alternatives: tuple[Part, plan.Expression] | None = None
        for predicate in predicates:
            if isinstance(predicate, plan.Operator) and predicate.operator.name == "=":
                for one, other in (predicate.arguments, predicate.arguments[::-1]):
                    if self.is_key(index, place, one) and self._outside(other):
                        return Part(value=other), predicate
            elif isinstance(predicate, plan.IsNull) and not predicate.negated:
                if self.is_key(index, place, predicate.argument):
                    return Part(), predicate
            elif isinstance(predicate, plan.Column) and self.is_key(index, place, predicate):
                return Part(value=plan.Constant(type=predicate.type, value=True, nullable=False)), predicate
            elif several:
                continue
            elif isinstance(predicate, plan.InList) and not predicate.negated:
                if self.is_key(index, place, predicate.argument) and all(map(self._outside, predicate.items)):
                    if len(predicate.items) <= MAXIMAL_ALTERNATIVES:
                        alternatives = Part(items=predicate.items), predicate
            elif isinstance(predicate, plan.QuantifiedArray) and not predicate.all and predicate.operator.name == "=":
                if self.is_key(index, place, predicate.argument) and self._outside(predicate.array):
                    alternatives = Part(array=predicate.array), predicate
        return alternatives

    def _range(
        self, index: schema.Index, place: int, predicates: Sequence[plan.Expression]
    ) -> tuple[Bound | None, Bound | None, list[plan.Expression], list[plan.Expression]]:
        low = high = None
        exact: list[plan.Expression] = []
        partly: list[plan.Expression] = []
        for predicate in predicates:
            if not isinstance(predicate, plan.Operator) or len(predicate.arguments) != 2:
                continue
            left, right = predicate.arguments
            name = predicate.operator.name
            if name == "~~" and self.is_key(index, place, left) and isinstance(right, plan.Constant):
                if low is None and high is None:
                    low, high, whole = _like_bounds(right)
                    if low is not None:
                        (exact if whole else partly).append(predicate)
                continue
            if name not in ("<", "<=", ">", ">="):
                continue
            if self.is_key(index, place, right) and self._outside(left):
                name, right = selectivity.TURNED[name], left
            elif not (self.is_key(index, place, left) and self._outside(right)):
                continue
            bound = Bound(right, name in ("<=", ">="))
            if name in (">", ">=") and low is None:
                low = bound
                exact.append(predicate)
            elif name in ("<", "<=") and high is None:
                high = bound
                exact.append(predicate)
        return low, high, exact, partly


def _like_bounds(pattern: plan.Constant) -> tuple[Bound | None, Bound | None, bool]:
    """The range of texts with the pattern's literal prefix, and whether LIKE says no more than that."""
    if not isinstance(pattern.value, str):
        return None, None, False
    prefix, exact = like_prefix(pattern.value)
    if not prefix:
        return None, None, False
    low = msgspec.structs.replace(pattern, value=prefix)
    if exact:
        return Bound(low, True), Bound(low, True), True
    end = prefix_upper_bound(prefix)
    high = None if end is None else Bound(msgspec.structs.replace(pattern, value=end), False)
    whole = pattern.value == prefix + "%" and end is not None
    return Bound(low, True), high, whole


# -- comparing predicates ---------------------------------------------------------------------------------


def same(left: plan.Expression, right: plan.Expression) -> bool:
    """Whether two expressions say the same, letter by letter."""
    try:
        return type(left) is type(right) and bool(left == right)
    except RecursionError:
        return False


def implies(predicate: plan.Expression, term: plan.Expression) -> bool:
    """Whether `term` is true wherever `predicate` is: equal, or bounds of one column by constants."""
    if same(predicate, term):
        return True
    if isinstance(term, plan.IsNull) and term.negated:
        bare = walk.strip_relabel(term.argument)
        return isinstance(bare, plan.Column) and (bare.relation, bare.position) in strict_columns(predicate)
    if isinstance(term, plan.Or):
        return any(implies(predicate, part) for part in term.arguments)
    given, wanted = selectivity.comparison(predicate), selectivity.comparison(term)
    if given is None or wanted is None or given[0] != wanted[0]:
        return False
    one, other = given[2], wanted[2]
    if not isinstance(one, plan.Constant) or not isinstance(other, plan.Constant):
        return False
    if one.value is None or other.value is None or one.type.base != other.type.base:
        return False
    return _bounds_imply(given[1], one.value, wanted[1], other.value)


def _bounds_imply(given: str, value: object, wanted: str, limit: object) -> bool:
    """`x given value` implies `x wanted limit`."""
    a, b = value, limit
    try:
        if given == "=":
            return bool({"=": a == b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "<>": a != b}[wanted])  # type: ignore[operator]
        if given in ("<", "<="):
            if wanted == "<" or wanted == "<>":
                return bool(a < b or (a == b and given == "<"))  # type: ignore[operator]
            return wanted == "<=" and bool(a <= b)  # type: ignore[operator]
        if wanted == ">" or wanted == "<>":
            return bool(a > b or (a == b and given == ">"))  # type: ignore[operator]
        return wanted == ">=" and bool(a >= b)  # type: ignore[operator]
    except TypeError:
        return False


# -- settings ---------------------------------------------------------------------------------------------

DISABLED = 1e10  # cost of what a setting turned off: taken only where there is nothing else


class Settings:
    """The planner's switches, as SET enable_... left them."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def enabled(self, name: str) -> bool:
        return str(self._values.get(name, "on")).lower() not in ("off", "false", "0", "no")

    def penalty(self, name: str) -> float:
        return 0.0 if self.enabled(name) else DISABLED
