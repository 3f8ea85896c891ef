"""What a history says without any cycle: who wrote each item, in which order they came, how much of it a read saw.

An item names its append, so a list is the order of its versions, and of two reads of one list the shorter one must be
the beginning of the longer one. Of a read that a transaction made after its own appends, these stand at the end and
are cut off: what remains is the version that it met. Items that were acknowledged and that nobody ever saw stand behind
all that was seen, in no known order.

What is found on the way are the anomalies that need no cycle (G1a, G1b and Elle's own: garbage, duplicates, internal
contradiction, incompatible orders). Whether they are forbidden is not asked here, but by `rules`.

Reads of transactions that saw uncommitted data on purpose do not count for the orders if there are others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from minidb.lab.judge.elle import InvalidHistory
from minidb.lab.judge.history import APPEND, FAIL, OK, ListHistory, Transaction, list_words
from minidb.lab.judge.rules import rank

Items = tuple[Any, ...]


class Finding(Struct, frozen=True):
    """An anomaly of one read. `writer`, if any, is the transaction whose item it should not have seen."""

    code: str
    reader: int
    key: Any
    words: str
    writer: int = -1


class Version(Struct, frozen=True, gc=False):
    """A read: `reader` met the list `key` with the first `seen` items of its order."""

    reader: int
    key: Any
    seen: int


class Observations:
    """Everything that the judge derives from a history before it looks for cycles.

    committed: by transaction, whether it took place. orders: by list, its items. owners: the same, by writer.
    unseen: by list, writers of items that nobody saw. reads: by transaction, what each of its reads met.
    """

    def __init__(self, history: ListHistory) -> None:
        self.transactions = history.transactions
        self.ranks = [rank(transaction.level) for transaction in self.transactions]
        self.writers: dict[Any, dict[Any, int]] = {}
        self.intermediate: dict[Any, set[Any]] = {}
        self.findings: list[Finding] = []
        for transaction in self.transactions:
            self.note_appends(transaction)
        self.committed = [transaction.outcome == OK for transaction in self.transactions]
        self.longest = self.longest_reads()
        self.settle_unknown()
        self.orders = {key: self.cleaned(key, items) for key, items in self.longest.items()}
        self.owners = {key: [self.writers[key][item] for item in items] for key, items in self.orders.items()}
        self.reads: list[list[Version]] = [[] for _ in self.transactions]
        for transaction in self.transactions:
            if transaction.outcome == OK:
                self.note_reads(transaction)
        self.unseen = dict(self.find_unseen())
        for key, writers in self.unseen.items():
            self.compare_unseen(key, writers)

    # -- appends

    def note_appends(self, transaction: Transaction) -> None:
        number = transaction.number
        last: dict[Any, Any] = {}
        for kind, key, item in transaction.operations:
            if kind != APPEND:
                continue
            known = self.writers.setdefault(key, {})
            if item in known:
                raise InvalidHistory(
                    f"{item} is appended to {key} twice, by T{known[item]} and T{number}",
                    hint="Each item of a list must be appended once only: it names its append.",
                )
            known[item] = number
            if key in last:
                self.intermediate.setdefault(key, set()).add(last[key])
            last[key] = item

    def find_unseen(self) -> Iterator[tuple[Any, list[int]]]:
        for key, writers in self.writers.items():
            if len(self.orders.get(key, ())) < len(writers):
                seen = set(self.orders.get(key, ()))
                left = {w: None for item, w in writers.items() if item not in seen and self.committed[w]}
                if left:
                    yield key, list(left)

    def compare_unseen(self, key: Any, writers: list[int]) -> None:
        """Two that read the same version and appended to it: one has lost the other's update, whichever came first."""
        size = len(self.orders.get(key, ()))
        same = [w for w in writers if any(v.key == key and v.seen == size for v in self.reads[w])]
        if len(same) > 1:
            first, second = self.transactions[same[0]], self.transactions[same[1]]
            read = list_words(self.orders.get(key, ()))
            words = f"and {second.title} both read {key} = {read} and appended to it"
            self.find("lost update", first, key, words, second.number)

    # -- orders

    def longest_reads(self) -> dict[Any, Items]:
        """By list, the longest read; of readers that may see uncommitted data only if nobody else has read it."""
        found: dict[Any, Items] = {}
        dirty: dict[Any, Items] = {}
        for transaction in self.transactions:
            if transaction.outcome == OK:
                longest = found if self.ranks[transaction.number] else dirty
                for kind, key, items in transaction.operations:
                    if kind != APPEND and items is not None and len(items) >= len(longest.get(key, ())):
                        longest[key] = items
        return {**dirty, **found}

    def settle_unknown(self) -> None:
        """A transaction whose fate nobody was told has committed if somebody has seen what it wrote."""
        for key, items in self.longest.items():
            writers = self.writers.get(key, {})
            for item in items:
                writer = writers.get(item)
                if writer is not None and self.transactions[writer].outcome != FAIL:
                    self.committed[writer] = True

    def cleaned(self, key: Any, items: Items) -> Items:
        """Without what cannot be in the order: rolled back, never appended, or there already."""
        writers = self.writers.get(key, {})
        return tuple(item for item in dict.fromkeys(items) if item in writers and self.committed[writers[item]])

    # -- reads

    def note_reads(self, transaction: Transaction) -> None:
        """Takes up what a transaction has read, and compares it with what it did and read before."""
        own: dict[Any, list[Any]] = {}
        before: dict[Any, Items] = {}
        for kind, key, value in transaction.operations:
            if kind == APPEND:
                own.setdefault(key, []).append(value)
                if key in before:
                    before[key] += (value,)
            elif value is not None:
                mine = own.get(key)
                met = value if mine is None else self.without_own(transaction, key, value, mine)
                if key in before and before[key] != value and self.ranks[transaction.number] > 1:
                    words = f"read {key} = {list_words(value)}, where it must have been {list_words(before[key])}"
                    self.find("internal", transaction, key, words)
                before[key] = value
                if met is not None and not self.has_own(transaction, key, met):
                    self.note_version(transaction, key, met)

    def without_own(self, transaction: Transaction, key: Any, value: Items, own: list[Any]) -> Items | None:
        """What was there before the transaction's own items; None if they are not all there, at the end."""
        if value[-len(own) :] == tuple(own):
            return value[: -len(own)]
        words = f"read {key} = {list_words(value)}, although it had appended {list_words(own)} there itself"
        self.find("internal", transaction, key, words)
        return None

    def has_own(self, transaction: Transaction, key: Any, met: Items) -> bool:
        """Whether there is an item among those of others that the transaction appends itself, before or later."""
        writers = self.writers.get(key)
        if writers is None or transaction.number not in map(writers.get, met):
            return False
        words = f"read {key} = {list_words(met)}, with its own item where it cannot be"
        self.find("internal", transaction, key, words)
        return True

    def note_version(self, transaction: Transaction, key: Any, met: Items) -> None:
        order = self.orders.get(key, ())
        size = len(met)
        if order[:size] != met:
            self.blame(transaction, key, met)
            met = self.cleaned(key, met)
            size = len(met)
            if order[:size] != met:
                words = f"read {key} = {list_words(met)}, but others read {list_words(order)}"
                self.find("incompatible order", transaction, key, words)
                return
        if size and met[-1] in self.intermediate.get(key, ()) and (writer := self.writers[key][met[-1]]) != (
            transaction.number
        ):
            words = f"read {key} = {list_words(met)}, but T{writer}, which appended {met[-1]}, appended more after it"
            self.find("G1b", transaction, key, words, writer)
        self.reads[transaction.number].append(Version(transaction.number, key, size))

    def blame(self, transaction: Transaction, key: Any, met: Items) -> None:
        """Says what is wrong with the items of a read that is not the beginning of the order."""
        writers = self.writers.get(key, {})
        read = f"read {key} = {list_words(met)}"
        if len(set(met)) < len(met):
            self.find("duplicate items", transaction, key, f"{read}, with an item that was appended once only")
        for item in met:
            writer = writers.get(item)
            if writer is None:
                self.find("garbage read", transaction, key, f"{read}; nobody has appended {item}")
            elif not self.committed[writer]:
                words = f"{read}; T{writer}, which appended {item}, was rolled back"
                self.find("G1a", transaction, key, words, writer)

    def find(self, code: str, reader: Transaction, key: Any, words: str, writer: int = -1) -> None:
        self.findings.append(Finding(code, reader.number, key, f"{reader.title} {words}", writer))
