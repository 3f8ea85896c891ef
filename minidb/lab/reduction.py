"""Which interleavings must be tried: depth-first search with dynamic partial-order reduction.

A run is a sequence of *moves*: at each point one of the enabled sessions makes its next step. Two moves that touch
nothing in common can be swapped without anybody noticing, so of all runs that differ only by such swaps one is enough.
What a move touched is known after it has been made (its footprint), not before; so the search runs once, looks for
*races*, pairs of dependent moves of different sessions with no third one in between that orders them, and comes back to
try each race the other way round.

    frame 0   enabled a b c   tried a        to try: b      asleep: -
    frame 1   enabled a b c   tried b, c     to try: -      asleep: a     <- a was tried above, and nothing since
    frame 2   ...                                                            touched what it touches: no need again

Sources: Flanagan & Godefroid, Dynamic partial-order reduction (2005), for races found in the run itself; Abdulla,
Aronis, Jonsson & Sagonas, Optimal dynamic partial order reduction (2014), for source sets, which add fewer points to
come back to; Godefroid (1996) for sleep sets.

A step that has to wait ends its move; it goes on within the move of whoever lets it, so a move can involve several
sessions. Such a move depends on everything that any of them does.

The search knows no database. It is told of moves and says what to try.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol


class Touched(Protocol):
    """What a move touched (minidb.footprint.Footprint)."""

    def depends_on(self, other: Any, /) -> bool: ...


class Move:
    """One step of one session, and what went on because of it. `involved` is a bit set of sessions."""

    __slots__ = ("involved", "session", "touched")

    def __init__(self, session: int, touched: Touched, also: Sequence[int] = ()) -> None:
        self.session = session
        self.touched = touched
        self.involved = 1 << session
        for other in also:
            self.involved |= 1 << other

    def depends_on(self, other: Move) -> bool:
        return bool(self.involved & other.involved) or self.touched.depends_on(other.touched)


class Frame:
    """A point of the present run. `tried` maps a session to the move that it made from here."""

    __slots__ = ("asleep", "before", "choice", "enabled", "to_try", "tried")

    def __init__(self, enabled: tuple[int, ...], asleep: dict[int, Move]) -> None:
        self.enabled = enabled
        self.asleep = asleep
        self.tried: dict[int, Move] = {}
        self.to_try: set[int] = set()
        self.choice = -1
        self.before = 0  # which earlier moves happen before the one made here, as a bit set

    @property
    def move(self) -> Move:
        return self.tried[self.choice]

    def left(self) -> list[int]:
        return sorted(s for s in self.to_try if s not in self.tried and s not in self.asleep)


class Search:
    """All interleavings, or with `reduce` one of each class. For each run:

        search.begin()
        while sessions are enabled:
            session = search.choose(enabled)     # None: nothing new can come of this run
            search.moved(move)
        search.end()                             # False: that was the last
    """

    def __init__(self, reduce: bool = True) -> None:
        self.reduce = reduce
        self.frames: list[Frame] = []
        self.depth = 0
        self.known = 0  # frames that the run before has gone through

    def begin(self) -> None:
        self.depth = 0

    def choose(self, enabled: tuple[int, ...]) -> int | None:
        if self.depth < len(self.frames):
            frame = self.frames[self.depth]
            assert frame.enabled == enabled, "the same steps must enable the same sessions"
            return frame.choice
        frame = Frame(enabled, self.sleepers())
        awake = [session for session in enabled if session not in frame.asleep]
        if not awake:
            return None
        frame.choice = awake[0]
        frame.to_try = {frame.choice} if self.reduce else set(enabled)
        self.frames.append(frame)
        return frame.choice

    def sleepers(self) -> dict[int, Move]:
        """Who need not move at the new end of the run: its move was tried further up, and commutes with all since."""
        if not self.reduce or not self.frames:
            return {}
        last = self.frames[-1]
        asleep = {**last.asleep, **last.tried}
        del asleep[last.choice]
        return {session: move for session, move in asleep.items() if not move.depends_on(last.move)}

    def moved(self, move: Move) -> None:
        frame = self.frames[self.depth]
        assert move.session == frame.choice
        new = frame.choice not in frame.tried
        frame.tried[frame.choice] = move
        if new:
            self.order(self.depth)
        self.depth += 1

    def order(self, place: int) -> None:
        """Finds what happens before the move at `place`, and where its races must be tried the other way round."""
        frames = self.frames
        frame = frames[place]
        before = 0
        for earlier in range(place - 1, -1, -1):
            if before >> earlier & 1 or not frame.move.depends_on(frames[earlier].move):
                continue
            before |= frames[earlier].before | 1 << earlier
            frame.before = before
            if self.reduce and frames[earlier].choice != frame.choice:
                self.reverse(earlier, place)
        frame.before = before

    def reverse(self, earlier: int, later: int) -> None:
        """Sees to it that from `earlier` on some run is tried in which the move at `later` comes first."""
        frames = self.frames
        # of the moves between them those that do not depend on the earlier one could all come before it
        free = [place for place in range(earlier + 1, later) if not frames[place].before >> earlier & 1]
        free.append(later)
        mask = sum(1 << place for place in free)
        first = [frames[place].choice for place in free if not frames[place].before & mask]
        frame = frames[earlier]
        if any(session in frame.to_try for session in first):
            return
        possible = [session for session in first if session in frame.enabled]
        if possible:
            frame.to_try.add(frames[later].choice if frames[later].choice in possible else possible[0])

    def end(self) -> bool:
        """The run is over. Prepares the next one; False if there is none."""
        del self.frames[self.depth :]
        while self.frames:
            frame = self.frames[-1]
            left = frame.left()
            if left:
                frame.choice = left[0]
                return True
            self.frames.pop()
        return False

    # -- what a run stands for

    def linear_extensions(self) -> int:
        """In how many interleavings the moves of the present run can be put by swapping independent neighbours."""
        return linear_extensions([frame.choice for frame in self.frames], [frame.before for frame in self.frames])


def linear_extensions(sessions: Sequence[int], before: Sequence[int]) -> int:
    """The number of orders of moves that keep `before`, a bit set per move. Each session's own moves are in order.

    Counted in layers: in how many ways can each choice of n moves come first?"""
    places: dict[int, list[int]] = {}
    for place, session in enumerate(sessions):
        places.setdefault(session, []).append(place)
    lists = list(places.values())
    ways = {(0,) * len(lists): 1}
    for _ in sessions:
        further: dict[tuple[int, ...], int] = {}
        for done, count in ways.items():
            for following in next_moves(done, lists, before):
                further[following] = further.get(following, 0) + count
        ways = further
    return sum(ways.values())


def next_moves(done: tuple[int, ...], lists: list[list[int]], before: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """What can be done after the first `done[i]` moves of each session i."""
    mask = sum(1 << place for taken, moves in zip(done, lists) for place in moves[:taken])
    for number, (taken, moves) in enumerate(zip(done, lists)):
        if taken < len(moves) and not before[moves[taken]] & ~mask:
            yield (*done[:number], taken + 1, *done[number + 1 :])


__all__ = ["Move", "Search", "linear_extensions"]
