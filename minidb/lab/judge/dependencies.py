"""The serialization graph of a history of lists, and the reason for each of its edges.

Let x be a list with the order [a b c]:

    WW  the writers of a and b, of b and c           WR  the writer of b and whoever read [a b]
    RW  whoever read [a b] and the writer of c       RT  whoever was acknowledged before another one began

Only direct edges are made, as Adya does; RT edges lead from the latest acknowledged transactions only, those before
them are reached through these. For a part of the transactions the orders are made as if only these had written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Any

from minidb.lab.graph import Dependency
from minidb.lab.judge.components import RT, RW, WR, WW, Graph
from minidb.lab.judge.history import APPEND, list_words
from minidb.lab.judge.observations import Observations, Version

KINDS = {WW: "ww", WR: "wr", RW: "rw", RT: "rt"}


class Dependencies:
    """The graph of those `members` that took place.

    Arguments:
        members: by transaction, whether it takes part.
        reads_from, reads_before: the least rank of a reader whose WR, and whose RW edges, are drawn.
        realtime: whether RT edges are drawn.
    """

    def __init__(self, observed: Observations, members: Sequence[bool] | None = None, *, reads_from: int = 0,
                 reads_before: int = 0, realtime: bool = True) -> None:
        self.observed = observed
        self.members = members or [True] * len(observed.transactions)
        self.taking_part = [a and b for a, b in zip(observed.committed, self.members)]
        self.owners = {key: self.kept(owners) for key, owners in observed.owners.items()}
        self.unseen = {key: self.kept(owners) for key, owners in observed.unseen.items()}
        self.graph: Graph = [{} for _ in observed.transactions]
        for key, owners in self.owners.items():
            self.add_writes(owners, self.unseen.get(key, ()))
        self.seen = {key: self.counts(owners) for key, owners in observed.owners.items()} if members else {}
        for reader, versions in enumerate(observed.reads):
            if self.taking_part[reader]:
                for version in versions:
                    self.add_read(version, reads_from, reads_before)
        if realtime:
            self.add_realtime()

    def kept(self, owners: Collection[int]) -> list[int]:
        return [owner for owner in owners if self.taking_part[owner]]

    def counts(self, owners: list[int]) -> list[int]:
        """How many of the first items are left, by number of items."""
        return list(accumulate((self.taking_part[owner] for owner in owners), initial=0))

    # -- drawing

    def add_writes(self, owners: list[int], unseen: Collection[int]) -> None:
        graph = self.graph
        for source, target in pairwise(owners):
            if source != target:
                graph[source][target] = graph[source].get(target, 0) | WW
        for target in unseen:
            if owners and owners[-1] != target:
                graph[owners[-1]][target] = graph[owners[-1]].get(target, 0) | WW

    def place(self, version: Version) -> int:
        """How many of the items that are left a read met."""
        seen = self.seen.get(version.key)
        return version.seen if seen is None else seen[version.seen]

    def add_read(self, version: Version, reads_from: int, reads_before: int) -> None:
        reader, graph = version.reader, self.graph
        rank = self.observed.ranks[reader]
        owners = self.owners.get(version.key, ())
        place = self.place(version)
        if rank >= reads_from and place and (source := owners[place - 1]) != reader:
            graph[source][reader] = graph[source].get(reader, 0) | WR
        if rank >= reads_before:
            targets = self.unseen.get(version.key, ()) if place == len(owners) else (owners[place],)
            for target in targets:
                if target != reader:
                    graph[reader][target] = graph[reader].get(target, 0) | RW

    def add_realtime(self) -> None:
        frontier: dict[int, int] = {}  # acknowledged transactions, and when; none of them began after another's end
        for _, number, begins in sorted(self.moments(), key=itemgetter(0)):
            if begins:
                for source in frontier:
                    self.graph[source][number] = self.graph[source].get(number, 0) | RT
            else:
                began = self.observed.transactions[number].invoked
                frontier = {other: ended for other, ended in frontier.items() if ended > began}
                frontier[number] = self.observed.transactions[number].completed

    def moments(self) -> Iterator[tuple[int, int, bool]]:
        for transaction in self.observed.transactions:
            if self.taking_part[transaction.number]:
                yield transaction.invoked, transaction.number, True
                if transaction.completed >= 0 and transaction.outcome == "ok":
                    yield transaction.completed, transaction.number, False

    # -- explaining

    def explained(self, source: int, target: int, kind: int) -> Dependency:
        """The edge with its reason in words. One of several reasons, if there are more."""
        key, words = self.reason(source, target, kind)
        row = "" if kind == RT else str(key)
        return Dependency(KINDS[kind], source, target, "list" if row else "", row, words=words)

    def reason(self, source: int, target: int, kind: int) -> tuple[Any, str]:
        first, second = self.title(source), self.title(target)
        if kind == RT:
            return None, f"{first} was acknowledged before {second} began"
        if kind == WW:
            key, before, item = self.overwritten(source, target)
            return key, f"{first} appended {before} to {key}, and {second} appended {item} after it"
        if kind == WR:
            key, found = self.read_from(source, target)
            return key, f"{second} read {key} = {list_words(found)}, of which {first} had appended {found[-1]}"
        key, found, item = self.read_before(source, target)
        return key, f"{first} read {key} = {list_words(found)}, without {item}, which {second} appended"

    def title(self, number: int) -> str:
        return self.observed.transactions[number].title

    def lists_of(self, number: int) -> Iterator[Any]:
        return iter(dict.fromkeys(operation[1] for operation in self.observed.transactions[number].operations))

    def items(self, key: Any) -> list[tuple[Any, int]]:
        """The items of a list that are left, with their writers."""
        order = zip(self.observed.orders.get(key, ()), self.observed.owners.get(key, ()))
        return [(item, owner) for item, owner in order if self.taking_part[owner]]

    def unseen_item(self, key: Any, writer: int) -> Any:
        operations = self.observed.transactions[writer].operations
        return next(item for kind, where, item in operations if kind == APPEND and where == key)

    def overwritten(self, source: int, target: int) -> tuple[Any, Any, Any]:
        for key in self.lists_of(target):
            items = self.items(key)
            for (before, owner), (item, other) in pairwise(items):
                if owner == source and other == target:
                    return key, before, item
            if items and items[-1][1] == source and target in self.unseen.get(key, ()):
                return key, items[-1][0], self.unseen_item(key, target)
        raise AssertionError("no such write dependency")

    def read_from(self, source: int, reader: int) -> tuple[Any, list[Any]]:
        for version in self.observed.reads[reader]:
            items, place = self.items(version.key), self.place(version)
            if place and items[place - 1][1] == source:
                return version.key, [item for item, _ in items[:place]]
        raise AssertionError("no such read dependency")

    def read_before(self, reader: int, target: int) -> tuple[Any, list[Any], Any]:
        for version in self.observed.reads[reader]:
            items, place = self.items(version.key), self.place(version)
            found = [item for item, _ in items[:place]]
            if place < len(items) and items[place][1] == target:
                return version.key, found, items[place][0]
            if place == len(items) and target in self.unseen.get(version.key, ()):
                return version.key, found, self.unseen_item(version.key, target)
        raise AssertionError("no such antidependency")
