"""What equalities say together: from `a = b AND a = 5` follows `b = 5`, and nothing is left of `a = b`.

So each of the tables can be read through its own index, and the rows of both are estimated as few as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from minidb.sql import plan
from minidb.sql.rules import walk

_BLANKS = ("char",)  # equal values of other types may differ: with or without trailing blanks


class Equality(msgspec.Struct):
    """A term `column = other`; `column` is the argument at `place`."""

    term: plan.Operator
    place: int
    column: plan.Column
    other: plan.Expression

    @property
    def key(self) -> walk.ColumnKey:
        return self.column.relation, self.column.position


def with_equal_constants(terms: Sequence[plan.Expression], inside: set[int]) -> list[plan.Expression]:
    """`terms` with the constants that follow. `inside`: the relations whose columns are variables; what mentions none
    of them is constant here."""
    fixed: dict[walk.ColumnKey, Equality] = {}
    pairs: list[tuple[plan.Expression, Equality, Equality]] = []
    for term in terms:
        one, other = _equality(term, 0, inside), _equality(term, 1, inside)
        if one is not None and other is not None:
            pairs.append((term, one, other))
        elif (found := one or other) is not None and not walk.relations(found.other) & inside:
            if not walk.has_subquery(found.other) and not walk.is_volatile(found.other):
                fixed.setdefault(found.key, found)
    if not fixed or not pairs:
        return list(terms)
    added = _spread(fixed, pairs)
    implied = {id(term) for term, one, other in pairs if _same_constant(fixed, one, other)}
    return [term for term in terms if id(term) not in implied] + added


def _spread(
    fixed: dict[walk.ColumnKey, Equality], pairs: Sequence[tuple[plan.Expression, Equality, Equality]]
) -> list[plan.Expression]:
    """Fixes columns that equal a fixed one, until nothing new comes."""
    added: list[plan.Expression] = []
    changed = True
    while changed:
        changed = False
        for _, one, other in pairs:
            for known, new in ((one, other), (other, one)):
                if known.key in fixed and new.key not in fixed and known.column.type == new.column.type:
                    given = fixed[known.key]
                    arguments = list(given.term.arguments)
                    arguments[given.place] = _in_place(given, new.column)
                    term = msgspec.structs.replace(
                        given.term, arguments=tuple(arguments), nullable=given.term.nullable or new.column.nullable
                    )
                    fixed[new.key] = Equality(term, given.place, new.column, given.other)
                    added.append(term)
                    changed = True
    return added


def _in_place(given: Equality, column: plan.Column) -> plan.Expression:
    """`column` under the conversions that the known column has."""
    expression = given.term.arguments[given.place]
    return walk.substitute(expression, {given.key: column})


def _same_constant(fixed: dict[walk.ColumnKey, Equality], one: Equality, other: Equality) -> bool:
    left, right = fixed.get(one.key), fixed.get(other.key)
    return left is not None and right is not None and left.other is right.other


def _equality(term: plan.Expression, place: int, inside: set[int]) -> Equality | None:
    if not isinstance(term, plan.Operator) or term.operator.name != "=":
        return None
    bare = walk.strip_relabel(term.arguments[place])
    if not isinstance(bare, plan.Column) or bare.relation not in inside or bare.type.name in _BLANKS:
        return None
    return Equality(term, place, bare, term.arguments[1 - place])


def given_column(relation: int, term: plan.Expression) -> int | None:
    """The position of the relation's column that `term` equals with a constant or a parameter."""
    for place in (0, 1):
        found = _equality(term, place, {relation})
        if found is not None and not walk.relations(found.other):
            return found.column.position
    return None
