"""Anomalies by name: Adya's code for the cycle, and what people call it.

    code      name                           what it is
    G0        dirty write                    two changed the same rows in opposite orders. P0 of [B]
    G1a       aborted read                   read what was rolled back later. [A]; P1 of [B] in its strict sense, A1
    G1b       intermediate read              read what its writer replaced later itself. [A]
    G1c       circular information flow      each saw what the other wrote, or wrote over it. [A]
    G-single  lost update                    read a row, somebody changed it, and then wrote over that change. P4 of [B]
              observed transaction vanishes  saw one change of a transaction, and then missed another of it. OTV of [H]
              phantom                        missed a change that brought a row into what it had read, and yet stands
                                             behind it: it saw another change of that transaction. P3 of [B], PMP of [A]
              non-repeatable read            read a row again and found it changed. P2 of [B] in its strict sense, A2
              read skew                      read one row before, another one (or wrote it) after the same
                                             transaction. A5A of [B]; fractured read of [R] where the reader only read
    G2-item   write skew                     each read a row that the other then changed. A5B of [B]
    G2        predicate write skew           the same through an interval: rows that one looked for in vain, the other
                                             brought there. G2 of [A], P3 of [B] with two writers
    G2-item,  read-only transaction anomaly  two writers would be in order but for a third one that only read: it saw
    G2                                       the second and not the first. [F]
              long fork                      two readers saw two writers in opposite orders. [S], there by PSI
    any       serialization anomaly          a cycle of more transactions, that has no name of its own
              (n transactions)

    [A] Adya, Weak Consistency (1999)            [B] Berenson, Bernstein, Gray, Melton, O'Neil & O'Neil (1995)
    [F] Fekete, O'Neil & O'Neil, A Read-Only Transaction Anomaly Under Snapshot Isolation (2004)
    [H] Bailis, Davidson, Fekete, Ghodsi, Hellerstein & Stoica, Highly Available Transactions (2013)
    [R] Bailis, Fekete, Ghodsi, Hellerstein & Stoica, Scalable Atomic Visibility with RAMP Transactions (2014)
    [S] Sovran, Power, Aguilera & Li, Transactional Storage for Geo-replicated Systems (2011)

Of each pair of code and name there is one witness, the shortest. A cycle is left out if some of its transactions close
a smaller one that is no stronger, or all of them one with an earlier code: that one explains it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from minidb.history import History, Read, Write
from minidb.lab.cycles import CODES, Cycle, all_candidates, code_of
from minidb.lab.dependencies import names_of
from minidb.lab.graph import Anomaly, Dependency, Graph
from minidb.lab.sentences import Sentences
from minidb.lab.versions import Rows, Sight, holds


def anomalies(history: History, graph: Graph, rows: Rows | None = None) -> tuple[Anomaly, ...]:
    """What went wrong in a history whose graph is `graph`: nothing if and only if it is serializable as the conflicts
    tell. Aborted and intermediate reads first, then cycles by code and length."""
    found = list(dirty_reads(history, rows))
    kept: list[Cycle] = []
    named: set[tuple[str, str]] = set()
    for cycle in sorted(map(rotated, all_candidates(graph)), key=lambda cycle: weight(cycle, history)):
        code, name = code_of(cycle), name_of(cycle, history)
        if (code, name) not in named and not explained(cycle, kept):
            named.add((code, name))
            kept.append(cycle)
            found.append(Anomaly(code, name, cycle, "; ".join(edge.words for edge in cycle)))
    return tuple(found)


def weight(cycle: Cycle, history: History) -> tuple[int, int, int]:
    """What comes first: by code, by length, by the name's place in the table above."""
    place = next((i for i, (_, fits) in enumerate(SINGLE_NAMES) if fits(cycle, history)), len(SINGLE_NAMES))
    return CODES.index(code_of(cycle)), len(cycle), place


def explained(cycle: Cycle, kept: list[Cycle]) -> bool:
    """Whether one of the cycles that are kept, all of no later code, says all that this one says."""
    return any(explains(other, cycle) for other in kept)


def explains(other: Cycle, cycle: Cycle) -> bool:
    if transactions(other) != transactions(cycle):
        return transactions(other) < transactions(cycle)
    if code_of(other) != code_of(cycle):
        return True
    return code_of(cycle) == "G-single" and same_row(other[0], cycle[0])  # a missed change has one name


def transactions(cycle: Cycle) -> set[int]:
    return {edge.source for edge in cycle}


# -- names of cycles


def name_of(cycle: Cycle, history: History) -> str:
    """The common name of a cycle that begins with what a reader missed; see the table above."""
    code = code_of(cycle)
    if code == "G0":
        return "dirty write"
    if code == "G1c":
        return "circular information flow"
    names = SINGLE_NAMES if code == "G-single" else SKEW_NAMES
    name = next((name for name, fits in names if fits(cycle, history)), None)
    return name or f"serialization anomaly ({len(cycle)} transactions)"


def rotated(cycle: Cycle) -> Cycle:
    """The cycle from what a reader missed: the first rw edge that follows another kind; if all are rw, the first read;
    if none is, as it is."""
    starts = [i for i, edge in enumerate(cycle) if edge.kind == "rw" and cycle[i - 1].kind != "rw"]
    if not starts and cycle[0].kind == "rw":
        starts = list(range(len(cycle)))
    start = min(starts, key=lambda i: cycle[i].source_time, default=0)
    return cycle[start:] + cycle[:start]


def is_lost_update(cycle: Cycle, history: History) -> bool:
    return kinds(cycle) == "rw ww" and same_row(*cycle) and not cycle[0].predicate


def is_vanished(cycle: Cycle, history: History) -> bool:
    """What it missed was read after, or in one dirty statement with, what it saw."""
    if kinds(cycle) != "rw wr":
        return False
    missed, saw = read_at(history, cycle[0].source_time), read_at(history, cycle[1].target_time)
    return saw.time <= missed.time and (saw.dirty or saw.statement != missed.statement)


def is_phantom(cycle: Cycle, history: History) -> bool:
    return len(cycle) == 2 and cycle[0].predicate


def is_non_repeatable_read(cycle: Cycle, history: History) -> bool:
    return kinds(cycle) == "rw wr" and same_row(*cycle)


def is_pair(cycle: Cycle, history: History) -> bool:
    return len(cycle) == 2


def is_write_skew(cycle: Cycle, history: History) -> bool:
    return len(cycle) == 2 and code_of(cycle) == "G2-item"


def is_read_only_anomaly(cycle: Cycle, history: History) -> bool:
    """reader -rw-> pivot -rw-> first -wr-> reader, and the reader wrote nothing."""
    return kinds(cycle) == "rw rw wr" and all(write.transaction != cycle[0].source for write in lasting(history))


def is_long_fork(cycle: Cycle, history: History) -> bool:
    return kinds(cycle) == "rw wr rw wr"


Test = Callable[[Cycle, History], bool]
SINGLE_NAMES: tuple[tuple[str, Test], ...] = (
    ("lost update", is_lost_update),
    ("observed transaction vanishes", is_vanished),
    ("phantom", is_phantom),
    ("non-repeatable read", is_non_repeatable_read),
    ("read skew", is_pair),
)
SKEW_NAMES: tuple[tuple[str, Test], ...] = (
    ("write skew", is_write_skew),
    ("predicate write skew", is_pair),
    ("read-only transaction anomaly", is_read_only_anomaly),
    ("long fork", is_long_fork),
)


def kinds(cycle: Cycle) -> str:
    return " ".join(edge.kind for edge in cycle)


def same_row(first: Dependency, second: Dependency) -> bool:
    return (first.table, first.row) == (second.table, second.row)


def read_at(history: History, time: int) -> Read:
    return next(read for read in history.reads if read.time == time)


def lasting(history: History) -> Iterator[Write]:
    return (write for write in history.writes if write.time not in history.undone)


# -- dirty reads


def dirty_reads(history: History, rows: Rows | None = None) -> Iterator[Anomaly]:
    """G1a and G1b: the first of each."""
    if not any(read.dirty for read in history.reads):
        return
    sights = [sight for sight in (rows or Rows(history)).sights() if sight.read.dirty and concerns(sight)]
    sentences = Sentences(history, names_of(history))
    for code, name, fits in (
        ("G1a", "aborted read", is_aborted_read),
        ("G1b", "intermediate read", is_intermediate_read),
    ):
        first = next((sight for sight in sights if fits(sight, history)), None)
        if first is not None:
            yield Anomaly(code, name, (), words_of_read(first, sentences, code))


def concerns(sight: Sight) -> bool:
    """Whether somebody's version, or its absence from the interval that it had left, was seen."""
    write = sight.write
    return write is not None and (sight.found or any(in_interval(sight.read, point) for point in write.points))


def in_interval(read: Read, point: tuple[int, object]) -> bool:
    return holds(read, {point[0]: (point[1],)})


def is_aborted_read(sight: Sight, history: History) -> bool:
    assert sight.write is not None
    return history.accounts[sight.write.transaction].aborted or sight.write.time in history.undone


def is_intermediate_read(sight: Sight, history: History) -> bool:
    """Its writer committed, and changed the row again later."""
    write = sight.write
    assert write is not None
    later = (
        other for other in sight.row.writes
        if other.transaction == write.transaction and other.time > sight.read.time
        and other.time not in history.undone
    )
    return history.accounts[write.transaction].committed and not is_aborted_read(sight, history) and any(later)


def words_of_read(sight: Sight, sentences: Sentences, code: str) -> str:
    assert sight.write is not None
    later = "was rolled back" if code == "G1a" else "replaced it later"
    return f"{sentences.found(sight, sight.write, None)}; {sentences.name(sight.write.transaction)} {later}"


__all__ = ["anomalies"]
