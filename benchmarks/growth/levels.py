"""What serializability costs: SSI beside SNAPSHOT, 2PL beside READ COMMITTED, one session, each workload."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.dataset import BALANCE, DEPOSIT, FILTERED, POINT, RANGE, scattered
from benchmarks.engines.interface import Level, Session
from benchmarks.growth.bank import bank

PAIRS = ((Level.SERIALIZABLE, Level.SNAPSHOT), (Level.TWO_PHASE, Level.READ_COMMITTED))
Body = Callable[[int], object]


def bodies(session: Session, rows: int) -> dict[str, tuple[Body, int]]:
    point, ranged, total = session.prepare(POINT), session.prepare(RANGE), session.prepare(FILTERED)
    balance, deposit = session.prepare(BALANCE), session.prepare(DEPOSIT)

    def read_ten(i: int) -> None:
        for number in range(i * 10, i * 10 + 10):
            point(scattered(number, rows))

    def read_two_write_one(i: int) -> None:
        balance(scattered(i, rows))
        balance(scattered(i + 1, rows))
        deposit(1, scattered(i, rows))

    return {
        "read 1 row": (lambda i: point(scattered(i, rows)), 300),
        "read 10 rows": (read_ten, 60),
        "range of 20": (lambda i: ranged(low(i, rows), low(i, rows) + 19), 100),
        "scan": (lambda i: total(), 1),
        "update 1 row": (lambda i: deposit(1, scattered(i, rows)), 200),
        "read 2, write 1": (read_two_write_one, 100),
    }


def low(i: int, rows: int) -> int:
    return scattered(i, rows - 20)


def measure(rows: int, effort: float = 1.0) -> dict[str, dict[str, tuple[float, float]]]:
    """Workload -> level's name -> (microseconds of a transaction at it, the same at the level beside it)."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    with bank(rows, effort=effort) as opened:
        session = opened.session()
        for name, (body, times) in bodies(session, rows).items():
            for strict, loose in PAIRS:
                costs = (opened.microseconds(whole(session, level, body), times) for level in (strict, loose))
                found.setdefault(name, {})[strict.value] = (next(costs), next(costs))
    return found


def whole(session: Session, level: Level, body: Body) -> Body:
    def transaction(i: int) -> None:
        session.begin(level)
        body(i)
        session.commit()

    return transaction
