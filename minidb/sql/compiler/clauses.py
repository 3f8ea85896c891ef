"""Pipelines as clauses: the loops, tests and assignments through which an operator's rows come.

Every operator turns into a list of clauses and the scope inside them. One list can be printed in two ways:

    for b1 in rows.scan(7):          [ r1[0]
        for r1 in b1:                  for b1 in rows.scan(7)
            if r1[2] == 5:               for r1 in b1
                out.append(r1[0])          if r1[2] == 5 ]

as nested statements around a body, or as one comprehension, which is faster where it can be used. What must happen
before the loops (a hash table, a sorted list) is printed into the function when the clauses are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from minidb.sql.compiler.emitter import Function


class For(NamedTuple):
    """`batched`: the items are batches of rows, so that here is the place to hand rows out."""

    target: str
    items: str
    batched: bool = False


class If(NamedTuple):
    """`hopeful`: the test without NULL tests, see `hopeful`; names that only `test` binds, and what they stand for."""

    test: str
    hopeful: str = ""
    names: tuple[tuple[str, str], ...] = ()


class Let(NamedTuple):
    name: str
    value: str


Clause = For | If | Let
Clauses = list[Clause]


def loop_count(clauses: Sequence[Clause]) -> int:
    return sum(type(clause) is For for clause in clauses)


def nest(
    function: Function, clauses: Sequence[Clause], body: Callable[[], None], after_batch: Sequence[str] = ()
) -> None:
    """Prints `clauses` as statements around `body`; loops that hold another loop hand out rows at their ends, and
    `after_batch` stands at the end of the outermost one."""
    loops = [place for place, clause in enumerate(clauses) if type(clause) is For]
    innermost = loops[-1] if loops else -1
    with ExitStack() as stack:
        for place, clause in enumerate(clauses):
            if type(clause) is Let:
                function.add(f"{clause.name} = {clause.value}")
            elif type(clause) is If:
                stack.enter_context(function.block(f"if {clause.test}:"))
            elif type(clause) is For:
                stack.enter_context(function.block(f"for {clause.target} in {clause.items}:"))
                if place == loops[0] and after_batch:
                    stack.callback(_add_all, function, after_batch)
                if place != innermost or clause.batched:
                    stack.callback(function.batch_end)
        body()


def comprehension(clauses: Sequence[Clause], output: str) -> str:
    """The inside of a comprehension; the first clause must be a loop."""
    return f"{output} {' '.join(_word(clause) for clause in clauses)}"


def _add_all(function: Function, lines: Sequence[str]) -> None:
    for line in lines:
        function.add(line)


def any_comprehension(clauses: Clauses, output: str) -> str:
    """The inside of a comprehension over any clauses."""
    first = clauses[0] if clauses else None
    if not isinstance(first, For) or ":=" in first.items:
        clauses = [For("_", "(0,)"), *clauses]
    return comprehension(clauses, output)


def _word(clause: Clause) -> str:
    if type(clause) is For:
        if ":=" in clause.items:  # not allowed in what a comprehension iterates over
            name = f"{clause.target.split()[-1]}_items"
            return f"if [{name} := {clause.items}] for {clause.target} in {name}"
        return f"for {clause.target} in {clause.items}"
    if type(clause) is If:
        return f"if {clause.test}"
    assert type(clause) is Let
    if ":=" in clause.value or "," in clause.name:
        if "," in clause.name:
            return f"for {clause.name} in [{clause.value}]"
        return f"if [{clause.name} := {clause.value}]"
    return f"for {clause.name} in ({clause.value},)"


def leading(clauses: Clauses) -> tuple[Clauses, Clauses]:
    """(what stands before the first loop, the rest)."""
    for place, clause in enumerate(clauses):
        if type(clause) is For:
            return clauses[:place], clauses[place:]
    return clauses, []


def comprehensible(clauses: Sequence[Clause]) -> bool:
    """Whether Python takes these clauses, that begin with a loop, in a comprehension."""
    first = clauses[0]
    return type(first) is not For or ":=" not in first.items
