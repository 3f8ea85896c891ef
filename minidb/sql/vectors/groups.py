"""The groups of one run: what each page's totals by group go into, before and beside the groups of the row path.

    Added     counts and sums: an array for each, with a place for each group that was met; a page is added to them at
              once, and the groups' own states are told in the end
    Merged    whatever is more than adding: state by state

Groups stand in the dict of the row path from the moment when they are first met, in the order of their first rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidb.sql.vectors import arrays
from minidb.sql.vectors.terms import Frame
from minidb.sql.vectors.totals import INITIAL, MERGED, Grouped, Slot, additive, group_totals, largest
from minidb.types.numbered import HIGHEST

FIRST_ROOM = 256  # groups


class Merged:
    def __init__(self, slots: Sequence[Slot], groups: dict[Any, Any]) -> None:
        self.slots = slots
        self.groups = groups
        self.merges = [MERGED[slot.what] for slot in slots]

    def add(self, found: Grouped, frame: Frame) -> None:
        """Brings in a page. Raises Unsuited before anything is changed."""
        groups = self.groups
        present, totals = group_totals(self.slots, frame, found)
        columns = [column if type(column) is list else column.tolist() for column in totals]
        keys, states = found.keys(present), list(zip(*columns))
        for at in _in_order(found, present) if any(key not in groups for key in keys) else range(len(keys)):
            known, state = groups.get(keys[at]), states[at]
            groups[keys[at]] = list(
                state if known is None else [merge(old, new) for merge, old, new in zip(self.merges, known, state)]
            )

    def finish(self) -> None:
        pass


class Added:
    """`numbers`: the place of each group in the arrays. `bound`: no sum is larger."""

    def __init__(self, slots: Sequence[Slot], groups: dict[Any, Any], counts_only: bool) -> None:
        self.slots = slots
        self.groups = groups
        self.counts_only = counts_only
        self.numbers: dict[Any, int] = {}
        self.bound = 0
        self.sums = [arrays.numpy().zeros(FIRST_ROOM, arrays.numpy().int64) for _ in slots]

    def add(self, found: Grouped, frame: Frame) -> None:
        """Brings in a page. Raises Unsuited before anything is changed."""
        present, totals = group_totals(self.slots, frame, found)
        bound = max([self._most(slot, frame, found) for slot in self.slots])
        if self.bound + bound > HIGHEST:
            self.finish()
        self.bound += bound
        keys = found.keys(present)
        places = list(map(self.numbers.get, keys))
        if None in places:
            for at in _in_order(found, present):
                if places[at] is None:
                    self._meet(keys[at])
            places = list(map(self.numbers.get, keys))
        chosen = arrays.numpy().array(places)
        for sums, total in zip(self.sums, totals):
            sums[chosen] += total

    def _most(self, slot: Slot, frame: Frame, found: Grouped) -> int:
        known = slot.term.bounds(frame) if slot.what == "int" and slot.term is not None else None
        return len(found.codes) * (1 if known is None else largest(known))

    def _meet(self, key: Any) -> None:
        number = self.numbers[key] = len(self.numbers)
        self.groups.setdefault(key, 0 if self.counts_only else [INITIAL[slot.what] for slot in self.slots])
        if number == len(self.sums[0]):
            self.sums = [arrays.numpy().concatenate([sums, arrays.numpy().zeros_like(sums)]) for sums in self.sums]

    def finish(self) -> None:
        """Tells the groups what was added since they were told."""
        groups = self.groups
        columns = [sums[: len(self.numbers)].tolist() for sums in self.sums]
        for key, state in zip(self.numbers, zip(*columns)):
            if self.counts_only:
                groups[key] += state[0]
            else:
                groups[key] = [old + new for old, new in zip(groups[key], state)]
        for sums in self.sums:
            sums[:] = 0
        self.bound = 0


Groups = Merged | Added


def new_groups(slots: Sequence[Slot], groups: dict[Any, Any], counts_only: bool) -> Groups:
    return Added(slots, groups, counts_only) if all(map(additive, slots)) else Merged(slots, groups)


def _in_order(found: Grouped, present: list[int]) -> list[int]:
    """The places of the codes that are there, by where each occurs first."""
    np = arrays.numpy()
    first = np.zeros(found.size, np.int64)
    first[found.codes[::-1]] = np.arange(len(found.codes) - 1, -1, -1)
    rows = first[present].tolist()
    return sorted(range(len(present)), key=rows.__getitem__)
