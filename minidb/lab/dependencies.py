"""From a recorded history to its direct serialization graph.

Nodes are the committed transactions, edges their direct dependencies (Adya 1999, chapter 3; predicates as in section
3.1.2, with the interval that was read as the predicate):

    ww   both changed one row, one after the other with nobody between; or one gave up a unique key that the other took
    wr   item: the version of a row that was read and returned, by who left it
         predicate: the last change before that took a row out of the interval that was read
    rw   item: the next change of a row that was read and returned
         predicate: the next change that brought a row into the interval that was read

Nothing else is needed: whoever else has changed the row stands on a path of ww edges before the source or behind the
target, so whatever conflicts is connected in its order. The tests compare that with all pairs.

A dirty read of a version that its writer replaced later itself counts as a read of what the writer left in the end;
one of a version that was rolled back makes no edge. Such reads are anomalies of their own (G1b, G1a: see
`minidb.lab.anomalies`), as in Adya's definition of PL-3: serializable is what has neither these nor a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from minidb.history import Account, History, Key, Read, Write
from minidb.keys import has_null
from minidb.lab.graph import Dependency, Graph
from minidb.lab.sentences import Sentences
from minidb.lab.versions import Change, Rows, Sight, holds

Edges = dict[tuple[object, ...], Dependency]  # the first one of its kind between two transactions at a place


def graph_of(history: History, rows: Rows | None = None) -> Graph:
    """The direct serialization graph of a history. `rows`: its versions, if somebody has them already."""
    names = names_of(history)
    maker = Maker(history, Sentences(history, names))
    rows = rows or Rows(history)
    for row in rows.rows:
        for old, new in pairwise(row.changes):
            maker.add_replaced(old, new)
    for relation, key, old, new in handed_over(history, rows):
        maker.add_key(relation, key, old, new)
    for sight in rows.sights():
        maker.add_sight(sight)
    edges = sorted(maker.edges.values(), key=lambda edge: (max(edge.source_time, edge.target_time), edge.source_time))
    return Graph(names, tuple(edges))


def names_of(history: History) -> dict[int, str]:
    """What the committed transactions are called, in the order of their commits: their session, with a number from 1
    in the order of their beginnings if several transactions of it committed."""
    committed = [account for account in history.accounts.values() if account.committed]
    of_session: dict[str, list[int]] = {}
    for account in sorted(committed, key=lambda account: (account.began, account.id)):
        of_session.setdefault(account.session, []).append(account.id)
    committed.sort(key=commit_order)
    return {account.id: name_of(account, of_session[account.session]) for account in committed}


def name_of(account: Account, siblings: list[int]) -> str:
    return account.session if len(siblings) == 1 else f"{account.session} {siblings.index(account.id) + 1}"


def commit_order(account: Account) -> tuple[float, int, int]:
    assert account.number is not None
    return account.number, account.ended, account.id


class Maker:
    """Collects edges: one for each kind, pair of transactions, row and relation."""

    def __init__(self, history: History, sentences: Sentences) -> None:
        self.history = history
        self.sentences = sentences
        self.edges: Edges = {}

    def add_replaced(self, old: Change, new: Change) -> None:
        place = ("ww", old.transaction, new.transaction, old.last.relation, old.last.ref)
        if place not in self.edges:
            words = self.sentences.replaced(old, new)
            self.edges[place] = self.edge("ww", old.last, new.first, old.last, words)

    def add_key(self, relation: int, key: Key, old: Change, new: Change) -> None:
        place = ("ww", old.transaction, new.transaction, relation, new.last.ref)
        if place not in self.edges:
            words = self.sentences.took_key(old, new, relation, key)
            self.edges[place] = self.edge("ww", old.last, new.last, new.last, words, relation)

    def add_sight(self, sight: Sight) -> None:
        """What one read saw of one row: at most a wr and an rw edge."""
        if sight.position is None:
            return
        if sight.found:
            if sight.write is not None:
                self.add_found(sight, sight.write, sight.row.changes[sight.position])
        elif (change := sight.latest_before()) is not None:
            self.add_found(sight, change.last, change)
        behind = sight.first_behind()
        if behind is not None:
            self.add_overlooked(sight, behind)

    def add_found(self, sight: Sight, write: Write, change: Change) -> None:
        read, predicate = sight.read, not sight.found
        if write.transaction == read.transaction:
            return
        place = ("wr", write.transaction, read.transaction, predicate, read.relation, sight.row.name)
        if place not in self.edges:
            words = self.sentences.found(sight, write, change if write is change.last else None)
            self.edges[place] = self.edge("wr", write, read, write, words, read.relation, read, predicate)

    def add_overlooked(self, sight: Sight, change: Change) -> None:
        read, predicate = sight.read, not holds(sight.read, change.before)
        if change.transaction == read.transaction:
            return
        place = ("rw", read.transaction, change.transaction, predicate, read.relation, sight.row.name)
        if place not in self.edges:
            words = self.sentences.overlooked(sight, change)
            self.edges[place] = self.edge("rw", read, change.last, change.last, words, read.relation, read, predicate)

    def edge(
        self, kind: str, source: Read | Write, target: Read | Write, write: Write, words: str,
        relation: int | None = None, read: Read | None = None, predicate: bool = False,
    ) -> Dependency:
        place = self.sentences.relation(write.relation if relation is None else relation)
        return Dependency(
            kind, source.transaction, target.transaction, place.table, write.row, place.index,
            self.sentences.interval(read) if read is not None else "", predicate,
            self.sentences.statement(source), self.sentences.statement(target), source.time, target.time, words,
        )


def handed_over(history: History, rows: Rows) -> Iterator[tuple[int, Key, Change, Change]]:
    """Unique keys that went from one row to another: (relation, key, who gave it up, who took it)."""
    unique = [number for number, relation in history.relations.items() if relation.unique]
    for relation in unique:
        for key, changes in changes_by_key(rows, relation).items():
            changes.sort(key=lambda change: change.last.time)
            for old, new in pairwise(changes):
                if old.last.ref != new.last.ref and old.transaction != new.transaction:
                    yield relation, key, old, new


def changes_by_key(rows: Rows, relation: int) -> dict[Key, list[Change]]:
    found: dict[Key, list[Change]] = {}
    for row in rows.in_relation.get(relation, ()):
        for change in row.changes:
            for key in dict.fromkeys((*change.before.get(relation, ()), *change.after.get(relation, ()))):
                if not has_null(key):
                    found.setdefault(key, []).append(change)
    return found


__all__ = ["graph_of", "names_of"]
