"""Locks and versions after an event, and what of them is new since the event before, or gone.

The rows are those of `sys.locks` and `sys.versions`. Rows that only say that somebody is there (a shared lock on the
database) stand last; who waits stands first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from minidb.lab.explanation import Explanation
from minidb.lab.pictures.words import one_line
from minidb.lab.run import Inside

Row = Mapping[str, Any]
KINDS = ("interval", "row", "transaction", "siread", "name", "table", "database")


class Fact(Struct, frozen=True):
    """One row of a table as it is shown. change: "new", "gone" or nothing. look: "waits", "open", or nothing."""

    cells: tuple[str, ...]
    session: str
    look: str = ""
    change: str = ""


class View(Struct, frozen=True):
    """What is shown after one event."""

    locks: tuple[Fact, ...]
    versions: tuple[Fact, ...]

    @property
    def size(self) -> int:
        return sum(fact.change != "gone" for fact in (*self.locks, *self.versions))


def views(explanation: Explanation) -> tuple[View | None, ...]:
    """For each event; None where nothing was recorded."""
    found: list[View | None] = []
    before: Inside | None = None
    for event in explanation.run.events:
        found.append(None if event.inside is None else view(event.inside, before, explanation.sessions))
        before = event.inside or before
    return tuple(found)


def view(now: Inside, before: Inside | None, sessions: tuple[str, ...]) -> View:
    locks_before = before.locks if before is not None else now.locks
    versions_before = before.versions if before is not None else now.versions
    return View(
        compared(sorted(now.locks, key=lock_order), sorted(locks_before, key=lock_order), lock),
        compared(now.versions, versions_before, lambda row: version(row, sessions)),
    )


def compared(now: Iterable[Row], before: Iterable[Row], fact: Callable[[Row], Fact]) -> tuple[Fact, ...]:
    """The facts of now, the new ones marked; then those that have gone."""
    shown, old = dict.fromkeys(map(fact, now)), dict.fromkeys(map(fact, before))
    marked = [one if one in old else changed(one, "new") for one in shown]
    return (*marked, *(changed(one, "gone") for one in old if one not in shown))


def changed(fact: Fact, change: str) -> Fact:
    return Fact(fact.cells, fact.session, fact.look, change)


def lock(row: Row) -> Fact:
    """Who, how, what."""
    state = "" if row["granted"] else f"waits for {row['waits_for'] or 'it'}"
    index = row["index_name"] if row["index_name"] not in (None, row["object"]) else ""
    words = " ".join(str(part) for part in (row["object"], index, place(row)) if part)
    session = row["session"] or ""
    cells = (one_line(session), one_line(row["mode"]), one_line(words), one_line(state))
    return Fact(cells, session, "waits" if state else "")


def place(row: Row) -> str:
    found = row["place"] or ""
    return f"row {found}" if found and row["kind"] == "row" else found


def lock_order(row: Row) -> tuple[Any, ...]:
    kind = KINDS.index(row["kind"]) if row["kind"] in KINDS else len(KINDS)
    names = ("object", "index_name", "place", "session", "mode")
    return (bool(row["granted"]), kind, *(str(row[name] or "") for name in names))


def version(row: Row, sessions: tuple[str, ...]) -> Fact:
    """Which row, what it holds, when it is seen, and whose it is."""
    session = row["session"] or ""
    contents = "deleted" if row["deleted"] else row["contents"] or ""
    who = session if session in sessions else ""
    cells = (f"{row['table_name']} {row['address']}", contents, life(row), who)
    return Fact(tuple(one_line(str(cell)) for cell in cells), who, "open" if row["state"] == "uncommitted" else "")


def life(row: Row) -> str:
    """From which commit to which it is seen."""
    if row["state"] != "committed":
        return str(row["state"])
    if row["end_commit"] is not None:
        return f"commits {row['begin_commit']} to {row['end_commit']}"
    return f"since commit {row['begin_commit']}"
