"""What may still be read of the past: versions held for AS OF, and which commit was the last one at which time.

    trimmed ........ held ........ published        commit numbers
            ^ manager.horizon (or the hold, if somebody keeps versions)

A version goes when nobody can see it any more (R28). Whoever wants to look back asks for versions of the last so many
seconds to be kept: then this object stands among the manager's views, at the number that was published when the time
began, and moves on as time goes by. Without a hold a commit can be read for as long as trimming has not passed it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from minidb.errors import InvalidParameterValue, ProgrammingError

if TYPE_CHECKING:
    from minidb.txn.manager import Manager

Author = tuple[int | None, str | None, str | None, int | None]  # transaction, session, level, rows that it changed
NOBODY: Author = (None, None, None, None)
FORGOTTEN = 1000  # moments that are forgotten at once
HINT = "SET minidb.keep_versions = '10 min' keeps the versions of the last ten minutes, from then on."


class Past:
    """The hold of one database. All methods are called under the manager's latch."""

    def __init__(self, manager: Manager, clock: Callable[[], float]) -> None:
        self.manager = manager
        self.clock = clock
        self.keepers: dict[Any, float] = {}  # who wants versions kept, and for how many seconds
        self.numbers: list[int] = []  # commit numbers, and
        self.times: list[float] = []  # when they were published, and
        self.authors: list[Author] = []  # by whom

    def keep(self, keeper: Any, seconds: float | None) -> None:
        if seconds:
            self.keepers[keeper] = seconds
        else:
            self.keepers.pop(keeper, None)
        if self.keepers:
            if not self.numbers:
                self.note(self.manager.published)
        else:
            self.numbers, self.times, self.authors = [], [], []
            self.manager.views.pop(self, None)

    def note(self, number: int, author: Author = NOBODY) -> None:
        """A commit was published; what is older than anybody wants goes."""
        now = self.clock()
        self.numbers.append(number)
        self.times.append(now)
        self.authors.append(author)
        limit = now - max(self.keepers.values(), default=0.0)
        first = max(bisect_right(self.times, limit) - 1, 0)
        if first >= FORGOTTEN:
            del self.numbers[:first]
            del self.times[:first]
            del self.authors[:first]
            first = 0
        views, number = self.manager.views, self.numbers[first]
        if number < views.get(self, number):  # somebody looks further back now
            views.backdate(self, number)
        else:
            views[self] = number

    def number_at(self, moment: float) -> int:
        """The last commit of a time. Raises 22023 for the future, 55000 for what is not known any more."""
        if moment > self.clock():
            raise InvalidParameterValue("AS OF SYSTEM TIME cannot look into the future")
        place = bisect_right(self.times, moment) - 1
        if place < 0:
            raise self.gone("versions of that time are not held")
        return self.numbers[place]

    def commits(self) -> Iterator[tuple[int, float, Author]]:
        """The commits that can still be read, oldest first."""
        first = max(bisect_right(self.numbers, self.manager.horizon) - 1, 0)
        return zip(self.numbers[first:], self.times[first:], self.authors[first:])

    def look(self, view: Any, number: int) -> None:
        """Lets `view` read as of a commit. Raises 22023, 55000."""
        manager = self.manager
        if number > manager.published:
            raise InvalidParameterValue(f"commit {number} has not happened yet; the last one is {manager.published}")
        if number < manager.horizon:
            raise self.gone(f"the versions of commit {number} are not held any more")
        manager.views.backdate(view, number)

    def gone(self, message: str) -> ProgrammingError:
        oldest = max(self.manager.horizon, 0)
        return ProgrammingError(
            message, sqlstate="55000", detail=f"The oldest commit that can be read is {oldest}.", hint=HINT
        )
