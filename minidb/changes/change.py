"""One change, as who reads a feed gets it, and its values in Python or in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from minidb.types import SqlType, to_text

Values = dict[str, Any]


class Change(msgspec.Struct, frozen=True):
    """One change.

    Attributes:
        commit: number of the commit; they ascend without gaps, but not every commit changes rows.
        position: of the change within its commit, from 0.
        last: whether it is the commit's last one.
        time: of the commit.
        transaction, session: who made it.
        operation: `insert`, `update`, `delete`, `truncate`, `create`, `alter` or `drop`.
        kind: `table`, `view` or `sequence`, and `row` for a change of a row.
        name: of the table, view or sequence.
        key: the primary key's values, of the new row if there is one; None without a primary key.
        before, after: the row's values by column; None if there was or is no row.
        definition: of a created or altered object: columns and their types, a view's query.
    """

    commit: int
    position: int
    last: bool
    time: datetime
    transaction: int
    session: str
    operation: str
    kind: str
    name: str
    key: Values | None = None
    before: Values | None = None
    after: Values | None = None
    definition: Values | None = None


def as_it_is(_: SqlType, value: Any) -> Any:
    """Python's values, as a cursor gives them out."""
    return value


def for_json(kind: SqlType, value: Any) -> Any:
    """Integers, finite floats, booleans and texts as they are, everything else as its text in SQL."""
    if isinstance(value, bool | int | str) and kind.element is None and kind.name not in ("json", "jsonb", "char"):
        return value
    if isinstance(value, float) and value - value == 0:
        return value
    return to_text(kind, value)


def json_line(change: Change) -> bytes:
    """One line of JSON, with its line end; what is None is left out, apart from `before` and `after` of a row."""
    facts: Values = {
        "commit": change.commit, "position": change.position, "last": change.last,
        "time": change.time.isoformat().replace("+00:00", "Z"), "transaction": change.transaction,
        "session": change.session, "operation": change.operation, "kind": change.kind, "name": change.name,
    }
    if change.kind == "row":
        facts |= {"key": change.key, "before": change.before, "after": change.after}
    elif change.definition is not None:
        facts["definition"] = change.definition
    return msgspec.json.encode(facts) + b"\n"
