"""Random queries with windows, grouping sets, WITH and LATERAL, besides the plain ones of `random_queries`.

What sqlite3 does not have (grouping sets, LATERAL) it is asked for in other words.
"""

from __future__ import annotations

from hypothesis import strategies as st
from random_queries import NUMBERS, Query, World, columns_of, of_type, plain_queries, predicates, sources


@st.composite
def windows(draw: st.DrawFn, world: World) -> Query:
    """Window functions; the order is made whole by the first table's key."""
    source = draw(sources(World(world.tables[:1]) if draw(st.booleans()) else world))
    numbers = of_type(source.columns, NUMBERS)
    keys = [name for name in numbers if name.endswith("0")]  # of all tables, so that no two rows are equal
    calls = []
    for _ in range(draw(st.integers(1, 3))):
        call = draw(st.sampled_from(_WINDOW_CALLS)).format(draw(st.sampled_from(numbers)))
        partition = f"PARTITION BY {draw(st.sampled_from(numbers))} " if draw(st.booleans()) else ""
        first = f"{draw(st.sampled_from(numbers))} {draw(st.sampled_from(['', 'DESC ']))}NULLS LAST"
        order = ", ".join([first, *[f"{key} NULLS LAST" for key in keys]])
        calls.append(f"{call} OVER ({partition}ORDER BY {order}{draw(st.sampled_from(_FRAMES))})")
    where = draw(st.one_of(st.just("1 = 1"), predicates(source.columns, world, 1)))
    shown = draw(st.sampled_from(source.columns))[0]
    return Query(f"SELECT {shown}, {', '.join(calls)} FROM {source.text} WHERE {where}", False)


_WINDOW_CALLS = (
    "row_number()", "rank()", "dense_rank()", "ntile(2)", "sum({})", "count({})", "min({})", "max({})",
    "lag({})", "lead({}, 2, 0)", "first_value({})", "last_value({})", "nth_value({}, 2)",
)  # fmt: skip
_FRAMES = (
    "", "", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
    " GROUPS BETWEEN CURRENT ROW AND 2 FOLLOWING", " ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW",
    " RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE GROUP",
)  # fmt: skip


@st.composite
def grouping_sets(draw: st.DrawFn, world: World) -> Query:
    """ROLLUP, CUBE and GROUPING SETS; sqlite3 is asked for the union of the groupings."""
    source = draw(sources(world))
    names = [name for name, _ in source.columns]
    one, other = draw(st.lists(st.sampled_from(names), min_size=2, max_size=2, unique=True))
    value = draw(st.sampled_from(["count(*)", "sum({})", "max({})", "count(DISTINCT {})"]))
    value = value.format(draw(st.sampled_from(of_type(source.columns, NUMBERS))))
    where = draw(st.one_of(st.just("1 = 1"), predicates(source.columns, world, 1)))
    both, first, second = (one, other), (one,), (other,)
    words, sets = draw(
        st.sampled_from(
            [
                (f"ROLLUP ({one}, {other})", [both, first, ()]),
                (f"CUBE ({one}, {other})", [both, first, second, ()]),
                (f"GROUPING SETS (({other}), ({one}, {other}))", [second, both]),
                (f"{one}, ROLLUP ({other})", [both, first]),
            ]
        )
    )
    parts = []
    for members in sets:
        shown = ", ".join(name if name in members else "NULL" for name in both)
        group = f" GROUP BY {', '.join(members)}" if members else ""
        parts.append(f"SELECT {shown}, {value}, {one not in members:d} FROM {source.text} WHERE {where}{group}")
    text = f"SELECT {one}, {other}, {value}, grouping({one}) FROM {source.text} WHERE {where} GROUP BY {words}"
    return Query(text, False, " UNION ALL ".join(parts))


@st.composite
def common_tables(draw: st.DrawFn, world: World) -> Query:
    """WITH, read once or twice, materialized or not, and a recursion."""
    source = draw(sources(world))
    number = draw(st.sampled_from(of_type(source.columns, NUMBERS)))
    other = draw(st.sampled_from(of_type(source.columns, NUMBERS)))
    where = draw(predicates(source.columns, world, 1))
    hint = draw(st.sampled_from(["", "", "MATERIALIZED ", "NOT MATERIALIZED "]))
    head = f"WITH c(p, q) AS {hint}(SELECT {number}, {other} FROM {source.text} WHERE {where})"
    form = draw(st.integers(0, 2))
    if form == 0:
        return Query(f"{head} SELECT * FROM c WHERE p > {draw(st.integers(-3, 4))}", False)
    if form == 1:
        kind = draw(st.sampled_from(["JOIN", "LEFT JOIN", "FULL JOIN"]))
        return Query(f"{head} SELECT x.p, y.q FROM c AS x {kind} c AS y ON x.p = y.q", False)
    recursive = head.replace("WITH c", "WITH RECURSIVE c").replace(hint, "") if hint else "WITH RECURSIVE" + head[4:]
    step = f"r(n) AS (SELECT p FROM c UNION SELECT n + 1 FROM r WHERE n < {draw(st.integers(0, 6))})"
    return Query(f"{recursive}, {step} SELECT n FROM r", False)


@st.composite
def laterals(draw: st.DrawFn, world: World) -> Query:
    """LATERAL; sqlite3 is asked for a subquery in the select list."""
    outer, inner = draw(st.sampled_from(world.tables)), draw(st.sampled_from(world.tables))
    columns, own = columns_of(outer, "a0"), columns_of(inner, "l")
    value = draw(st.sampled_from(["max({})", "sum({})", "count({})"])).format(
        draw(st.sampled_from(of_type(own, NUMBERS)))
    )
    test = f"{draw(st.sampled_from(of_type(own, NUMBERS)))} {draw(st.sampled_from(['=', '<=']))} "
    test += draw(st.sampled_from(of_type(columns, NUMBERS)))
    where = draw(predicates(columns, world, 1))
    subquery = f"SELECT {value} AS m FROM {inner.name} AS l WHERE {test}"
    join = draw(st.sampled_from(["CROSS JOIN LATERAL ({}) AS z", "LEFT JOIN LATERAL ({}) AS z ON true"]))
    shown = draw(st.sampled_from(columns))[0]
    text = f"SELECT {shown}, z.m FROM {outer.name} AS a0 {join.format(subquery)} WHERE {where}"
    return Query(text, False, f"SELECT {shown}, ({subquery}) FROM {outer.name} AS a0 WHERE {where}")


def queries(world: World) -> st.SearchStrategy[Query]:
    plain = plain_queries(world)
    return st.one_of(plain, plain, plain, windows(world), grouping_sets(world), common_tables(world), laterals(world))
