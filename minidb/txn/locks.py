"""The lock table: who holds what, who waits for whom, and who must give way. It decides; `waiting` blocks.

Everything here runs under the kernel latch, reads no clock and knows no thread. Three kinds of resources share one
request and one waits-for graph (R53):

    ModeLock        a table (eight modes), a row (four strengths), the database (two), a name (one)
    IntervalLocks   per table: the key intervals that 2PL transactions have read, on each index and on the table's order
    Ending          the end of one transaction (a unique probe that met its uncommitted row)

Life of a request, and the function of each arrow:

    (new) --try_now--> granted                      nothing conflicts, nobody waits in front
    (new) --enqueue--> waiting --pump--> granted    a holder went away (release), or a soft edge was cut (pass_over)
                          |---cancel--> (gone)      timeout, interrupt, deadlock victim

A *hard* edge of the graph points at a holder, a *soft* edge at somebody who waits in front (R51). A cycle through a
soft edge is broken by letting that waiter pass; only a cycle of hard edges costs a victim. A writer's granted request
stays in the interval queue until its row is installed, so that no reader slips in between.

Sources: Gray & Reuter, Transaction Processing, ch. 8; PostgreSQL, src/backend/storage/lmgr/README.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from minidb.txn.intervals import Cut, key_words, words
from minidb.txn.marks import Marks

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction

TABLE_MODES = (
    "access share",
    "row share",
    "row exclusive",
    "share update exclusive",
    "share",
    "share row exclusive",
    "exclusive",
    "access exclusive",
)
# bit m of TABLE_CONFLICTS[n]: mode m conflicts with mode n
TABLE_CONFLICTS = (
    0b10000000,
    0b11000000,
    0b11110000,
    0b11111000,
    0b11101100,
    0b11111100,
    0b11111110,
    0b11111111,
)
ROW_STRENGTHS = ("key share", "share", "no key update", "update")
ROW_CONFLICTS = (0b1000, 0b1100, 0b1110, 0b1111)
DATABASE_MODES = ("shared", "exclusive")
DATABASE_CONFLICTS = (0b10, 0b11)
NAME_MODES = ("exclusive",)
NAME_CONFLICTS = (0b1,)

Edge = tuple["Transaction", bool, "Request | None"]  # whom, hard, the request in front (soft edges)


class Request:
    """One transaction asking for one thing. `mode` indexes the resource's modes; intervals use the other fields.

    `judge`, of some who wait for a row, raises what they would fail with if they got it now."""

    __slots__ = ("granted", "high", "judge", "low", "mode", "passed", "points", "relation", "resource", "txn")

    def __init__(self, txn: Transaction, resource: Resource, mode: int = 0) -> None:
        self.txn = txn
        self.resource = resource
        self.mode = mode
        self.granted = False
        self.judge: Callable[[], object] | None = None
        self.passed: set[int] = set()  # ids of requests in front that this one need not heed
        self.relation = 0
        self.low: Cut | None = None
        self.high: Cut | None = None
        self.points: list[tuple[int, Any]] = []  # (relation, key) of a writer

    def blockers(self) -> Iterator[Edge]:
        return self.resource.blockers(self)

    def words(self) -> str:
        return self.resource.request_words(self)


class Resource:
    """Something to wait for: a queue of requests, first come, first served."""

    __slots__ = ("queue",)

    def __init__(self) -> None:
        self.queue: list[Request] = []

    def blockers(self, request: Request) -> Iterator[Edge]:
        raise NotImplementedError

    def grant(self, request: Request) -> None:
        raise NotImplementedError

    def words(self) -> str:
        raise NotImplementedError

    def request_words(self, request: Request) -> str:
        return self.words()

    def can_grant(self, request: Request) -> bool:
        return next(iter(self.blockers(request)), None) is None

    def enqueue(self, request: Request) -> Request:
        self.queue.append(request)
        return request

    def cancel(self, request: Request) -> list[Request]:
        """Takes a waiting request out; returns the requests that can go on now."""
        if request in self.queue:
            self.queue.remove(request)
        return self.pump()

    def pump(self) -> list[Request]:
        """Grants every waiting request that nothing blocks any more, in order; returns them, to be woken."""
        granted = []
        for request in list(self.queue):
            if not request.granted and self.can_grant(request):
                request.granted = True
                self.grant(request)
                granted.append(request)
        return granted

    def in_front(self, request: Request) -> Iterator[Request]:
        """Requests before `request` in the queue (all, if it is not in it) that it has not been let pass."""
        for other in self.queue:
            if other is request:
                return
            if other.txn is not request.txn and id(other) not in request.passed:
                yield other


class ModeLock(Resource):
    """A lock with modes; `holders` maps a transaction to the bit set of modes that it holds.

    `held_modes` has at least the modes that anybody holds: of a table with 10,000 readers nobody asks each one."""

    __slots__ = ("conflicts", "held_modes", "holders", "key", "kind", "modes", "title")

    def __init__(self, kind: str, key: Any, title: str, modes: tuple[str, ...], conflicts: tuple[int, ...]) -> None:
        super().__init__()
        self.kind = kind
        self.key = key
        self.title = title
        self.modes = modes
        self.conflicts = conflicts
        self.holders: dict[Transaction, int] = {}
        self.held_modes = 0

    def hold(self, txn: Transaction, mask: int) -> None:
        """`txn` holds these modes."""
        self.holders[txn] = mask
        self.held_modes |= mask

    def words(self) -> str:
        return self.title

    def request_words(self, request: Request) -> str:
        return f"{self.modes[request.mode]} lock on {self.title}"

    def blockers(self, request: Request) -> Iterator[Edge]:
        mask = self.conflicts[request.mode]
        for holder, held in self.holders.items():
            if held & mask and holder is not request.txn:
                yield holder, True, None
        if request.txn in self.holders:
            return  # an upgrade does not wait behind those who wait for it
        for other in self.in_front(request):
            if not other.granted and mask >> other.mode & 1:
                yield other.txn, False, other

    def try_now(self, txn: Transaction, mode: int) -> bool:
        held = self.holders.get(txn, 0)
        if held >> mode & 1:
            return True
        if not self.queue:
            mask = self.conflicts[mode]
            if self.held_modes & mask:
                modes = 0
                for holder, theirs in self.holders.items():
                    if theirs & mask and holder is not txn:
                        return False
                    modes |= theirs
                self.held_modes = modes
            self.hold(txn, held | 1 << mode)
            return True
        request = Request(txn, self, mode)
        if not self.can_grant(request):
            return False
        self.hold(txn, held | 1 << mode)
        return True

    def grant(self, request: Request) -> None:
        self.hold(request.txn, self.holders.get(request.txn, 0) | 1 << request.mode)
        self.queue.remove(request)

    def set_held(self, txn: Transaction, mask: int) -> list[Request]:
        """Gives back locks to `mask` (0: all of them); returns the requests that can go on now."""
        if mask:
            self.hold(txn, mask)
        else:
            self.holders.pop(txn, None)
        return self.pump() if self.queue else []

    @property
    def idle(self) -> bool:
        return not self.holders and not self.queue


def strongest(modes: tuple[str, ...], mask: int) -> str:
    return modes[mask.bit_length() - 1]


class IntervalLocks(Resource):
    """The intervals of one table that 2PL transactions hold, and the writers and readers that wait for each other.

    Held are, per relation and mode, marks as SSI has them (`marks`): a writer finds by its keys who is in the way."""

    __slots__ = ("active", "names", "shared", "update")

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self.active = False  # whether a writer may have something to look at: asked for every row that is written
        self.names = names  # relation -> name of the index or table, shared with the table's store
        self.shared: dict[int, Marks] = {}
        self.update: dict[int, Marks] = {}

    def enqueue(self, request: Request) -> Request:
        self.active = True
        return super().enqueue(request)

    def cancel(self, request: Request) -> list[Request]:
        granted = super().cancel(request)
        self.look_around()
        return granted

    def look_around(self) -> None:
        self.active = bool(self.shared or self.update or self.queue)

    def words(self) -> str:
        return "an index range"

    def request_words(self, request: Request) -> str:
        if request.points:
            relation, key = next(((place, at) for place, at, _ in self.holders(request)), request.points[0])
            return f"a write at {self.names.get(relation, relation)} = {key_words(key)}"
        assert request.low is not None and request.high is not None
        return f"a read of {self.names.get(request.relation, request.relation)} {words(request.low, request.high)}"

    def holders(self, request: Request) -> Iterator[tuple[int, Any, Transaction]]:
        """Where a writer meets an interval of somebody else, and whose it is."""
        for relation, key in request.points:
            for table in (self.shared, self.update):
                held = table.get(relation)
                for txn in held.others_at(key, request.txn) if held is not None else ():
                    yield relation, key, txn

    # -- readers

    def reader(self, txn: Transaction, relation: int, low: Cut, high: Cut, update: bool) -> Request:
        request = Request(txn, self, 1 if update else 0)
        request.relation, request.low, request.high = relation, low, high
        return request

    def held_by(self, txn: Transaction, relation: int, low: Cut, high: Cut, update: bool) -> bool:
        """Whether the interval is held already, in a mode that is strong enough."""
        for table in (self.update,) if update else (self.shared, self.update):
            held = table.get(relation)
            if held is not None and held.covers(txn, low, high):
                return True
        return False

    def take_key(self, txn: Transaction, relation: int, key: Any, update: bool) -> bool | None:
        """Takes a single key where nobody waits and nobody else is in the way: whether it had to be taken; None if
        that is to be found out by a request."""
        if self.queue:
            return None
        updated = self.update.get(relation)
        if updated is not None:
            if update and updated.others_at(key, txn):
                return None
            if updated.covers(txn, (key, 0), (key, 1)):
                return False
        table = self.update if update else self.shared
        held = table.get(relation)
        if held is None:
            held = table[relation] = Marks()
        self.active = True
        txn.interval_tables[id(self)] = self
        return held.add_point(txn, key)

    # -- writers

    def writer(self, txn: Transaction, points: list[tuple[int, Any]]) -> Request:
        request = Request(txn, self, 2)
        request.points = points
        return request

    def hinder(self, txn: Transaction, points: Iterable[tuple[int, Any]]) -> bool:
        """Whether a writer at these points has to ask by a request."""
        if self.queue:
            return True
        for table in (self.shared, self.update):
            if table:
                for relation, key in points:
                    held = table.get(relation)
                    if held is not None and held.others_at(key, txn):
                        return True
        return False

    def blockers(self, request: Request) -> Iterator[Edge]:
        if request.points:
            yield from self.writer_blockers(request)
        else:
            yield from self.reader_blockers(request)

    def writer_blockers(self, request: Request) -> Iterator[Edge]:
        for _, _, txn in self.holders(request):
            yield txn, True, None
        for other in self.in_front(request):
            if not other.points and not other.granted and reads_a_point(other, request):
                yield other.txn, False, other

    def reader_blockers(self, request: Request) -> Iterator[Edge]:
        assert request.low is not None and request.high is not None
        if request.mode == 1:  # update mode passes shared intervals, not another's update mode (R50)
            held = self.update.get(request.relation)
            for txn in held.others_in(request.low, request.high, request.txn) if held is not None else ():
                yield txn, True, None
        if not self.queue or self.held_by(request.txn, request.relation, request.low, request.high, False):
            return  # who holds it already does not wait behind the writers that wait for it (R51)
        for other in self.in_front(request):
            if other.points and reads_a_point(request, other):
                yield other.txn, False, other

    def grant(self, request: Request) -> None:
        if request.points:
            return  # stays in the queue until the row is installed
        assert request.low is not None and request.high is not None
        table = self.update if request.mode == 1 else self.shared
        held = table.get(request.relation)
        if held is None:
            held = table[request.relation] = Marks()
        self.active = True
        held.add(request.txn, request.low, request.high)
        request.txn.interval_tables[id(self)] = self
        if self.queue and request in self.queue:
            self.queue.remove(request)

    def release(self, txn: Transaction) -> Sequence[Request]:
        for table in (self.shared, self.update):
            for relation in list(table):
                held = table[relation]
                held.remove(txn)
                if not held:
                    del table[relation]
        granted = self.pump() if self.queue else ()
        self.look_around()
        return granted


def reads_a_point(reader: Request, writer: Request) -> bool:
    assert reader.low is not None and reader.high is not None
    return any(
        relation == reader.relation and reader.low <= (key, 0) and reader.high >= (key, 1)
        for relation, key in writer.points
    )


class Ending(Resource):
    """The end of a transaction, as something to wait for."""

    __slots__ = ("ended", "target", "why")

    def __init__(self, target: Transaction, why: str) -> None:
        super().__init__()
        self.target = target
        self.why = why
        self.ended = False

    def words(self) -> str:
        return self.why or f"the end of {self.target.title}"

    def blockers(self, request: Request) -> Iterator[Edge]:
        if not self.ended:
            yield self.target, True, None

    def grant(self, request: Request) -> None:
        self.queue.remove(request)


class Wait:
    """One edge of a cycle, as facts."""

    __slots__ = ("hard", "in_front", "request", "to")

    def __init__(self, request: Request, to: Transaction, hard: bool, in_front: Request | None) -> None:
        self.request = request
        self.to = to
        self.hard = hard
        self.in_front = in_front

    def facts(self) -> dict[str, Any]:
        return {
            "from": self.request.txn.title,
            "to": self.to.title,
            "kind": "waits",
            "object": self.request.words(),
            "from_statement": self.request.txn.statement_text,
            "to_statement": self.to.statement_text,
        }

    def words(self) -> str:
        txn = self.request.txn
        statement = f" ({txn.statement_text})" if txn.statement_text else ""
        return f"{txn.title} waits{statement} for {self.request.words()}, which {self.to.title} holds"


def find_cycle(start: Request) -> list[Wait] | None:
    """A cycle of waits through `start`, None if there is none. Depth first, each transaction once."""
    path: list[Wait] = []
    seen: set[int] = set()
    stack: list[Iterator[Edge]] = [start.blockers()]
    requests = [start]
    while stack:
        edge = next(stack[-1], None)
        if edge is None:
            stack.pop()
            requests.pop()
            if path:
                path.pop()
            continue
        to, hard, in_front = edge
        step = Wait(requests[-1], to, hard, in_front)
        if to is start.txn:
            return [*path, step]
        following = to.waiting
        if following is None or following.granted or id(to) in seen:
            continue
        seen.add(id(to))
        path.append(step)
        stack.append(following.blockers())
        requests.append(following)
    return None


def choose_victim(cycle: Iterable[Wait], closer: Transaction) -> Transaction:
    """The member with the smallest deadlock_timeout, then the one that closed the cycle."""
    best = closer
    for wait in cycle:
        member = wait.request.txn
        if member.deadlock_timeout < best.deadlock_timeout:
            best = member
    return best
