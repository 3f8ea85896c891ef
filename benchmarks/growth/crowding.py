"""Throughput against threads; cost against open snapshots, and against the versions that an old reader keeps."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.dataset import BALANCE, DEPOSIT, POINT, scattered
from benchmarks.engines.interface import Durability, Level
from benchmarks.engines.own import Own, OwnSession
from benchmarks.growth.bank import bank
from benchmarks.stable import stable
from benchmarks.workloads.crowd import Crowd, own_rows

Points = dict[str, list[tuple[float, float]]]


def threads(counts: Sequence[int], rows: int, seconds: float) -> Points:
    """Updates of different rows per second."""
    found: Points = {"durable": [], "not synced": []}
    with stable(rows, seconds) as place:
        for count in counts:
            for name, durability in (("durable", Durability.DURABLE), ("not synced", Durability.WRITTEN)):
                once = Crowd(name, name, None, count, own_rows, durability=durability).prepare(place, Own())
                once()
                found[name].append((count, once().value))
                place.release()
    return found


def snapshots(counts: Sequence[int], rows: int, effort: float = 1.0) -> Points:
    """Microseconds of a point operation while so many other transactions hold a snapshot."""
    found: Points = {"point select": [], "update": []}
    with bank(rows, effort=effort) as opened:
        session = opened.session()
        holders: list[OwnSession] = []
        point, deposit = session.prepare(POINT), session.prepare(DEPOSIT)
        for count in counts:
            while len(holders) < count:
                holder = opened.session()
                holder.begin(Level.SNAPSHOT)
                holder.prepare(BALANCE)(0)
                holders.append(holder)
            found["point select"].append((count, opened.microseconds(lambda i: point(scattered(i, rows)), 500)))
            found["update"].append((count, opened.microseconds(lambda i: deposit(1, scattered(i, rows)), 500)))
        for holder in holders:
            holder.close()
    return found


def chains(lengths: Sequence[int], rows: int, effort: float = 1.0) -> Points:
    """Microseconds to read one row that has had so many updates since the oldest reader began."""
    found: Points = {"by the old reader": [], "by a new one": [], "update of it": []}
    with bank(rows, effort=effort) as opened:
        old, new = opened.session(), opened.session()
        old.begin(Level.SNAPSHOT)
        old_balance, balance, deposit = old.prepare(BALANCE), new.prepare(BALANCE), new.prepare(DEPOSIT)
        before, done = old_balance(1), 0
        for length in lengths:
            while done < length:
                deposit(1, 1)
                done += 1
            assert old_balance(1) == before, "a snapshot does not move"
            found["by the old reader"].append((length, opened.microseconds(lambda i: old_balance(1), 500)))
            found["by a new one"].append((length, opened.microseconds(lambda i: balance(1), 500)))
            found["update of it"].append((length, opened.microseconds(lambda i: deposit(1, 1), 20)))
            done += 100
        old.rollback()
    return found
