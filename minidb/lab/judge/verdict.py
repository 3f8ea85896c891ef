"""The judgement: what in a history its levels forbid, and what else there was to be seen.

    history --observations--> orders, reads, findings       (G1a, G1b and the like are known now)
            --dependencies--> the edges that are owed       (no lone knots: no forbidden cycle of rank 2 or below)
            --dependencies--> among the serializable only   (no knots at all)
            --dependencies--> all edges                     (the allowed anomalies, for those who want to see them)

All of it takes time in proportion to the history, but for looking at knots, which are small where an engine is sound.
The judge knows what clients were told and nothing else, so it can be wrong in one direction only: what it calls an
anomaly is one; what nobody has read it cannot judge (Kingsbury & Alvaro, 2020, section 5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from msgspec import Struct

from minidb.lab.graph import Anomaly
from minidb.lab.judge.components import Way, knots, lone_knots
from minidb.lab.judge.cycles import REALTIME, by_length, code_of, cycles, name_of, signature
from minidb.lab.judge.dependencies import Dependencies
from minidb.lab.judge.history import ListHistory
from minidb.lab.judge.observations import Finding, Observations
from minidb.lab.judge.rules import FORBIDDEN_FROM, NAMES, SERIALIZABLE

CENSUS = 4000  # knots' transactions that are looked at for allowed anomalies
Seen = Counter[tuple[str, str]]  # (code, name) -> how often


class Verdict(Struct, frozen=True):
    """What was found.

    forbidden: one anomaly of each code and name, the shortest. counts: how often each forbidden one was found.
    allowed: (code, name) of anomalies that the levels allow, and how often they were seen.
    committed, failed, unknown: transactions by outcome. observations: for whoever wants to know more.
    """

    forbidden: tuple[Anomaly, ...]
    counts: Seen
    allowed: Seen
    observations: Observations

    @property
    def clean(self) -> bool:
        return not self.forbidden


class Judge:
    """Judges one history. `tell` is called with a word for each part of the work."""

    def __init__(self, history: ListHistory, *, realtime: bool = True, census: bool = True,
                 tell: Callable[[str], None] = lambda stage: None) -> None:
        self.realtime = realtime
        self.census = census
        self.tell = tell
        tell("reads")
        self.observed = Observations(history)
        self.forbidden: dict[tuple[str, str], Anomaly] = {}
        self.accused: set[tuple[str, frozenset[int]]] = set()
        self.counts: Seen = Counter()
        self.allowed: Seen = Counter()

    def verdict(self) -> Verdict:
        for finding in self.observed.findings:
            self.judge_finding(finding)
        self.tell("dependencies")
        self.judge_owed_edges()
        self.tell("serializability")
        self.judge_serializable()
        if self.census:
            self.tell("allowed anomalies")
            self.count_allowed()
        return Verdict(tuple(self.forbidden.values()), self.counts, self.allowed, self.observed)

    def judge_finding(self, finding: Finding) -> None:
        key = finding.code, NAMES[finding.code]
        if self.observed.ranks[finding.reader] >= FORBIDDEN_FROM[finding.code]:
            self.counts[key] += 1
            self.forbidden.setdefault(key, Anomaly(*key, words=finding.words))
        else:
            self.allowed[key] += 1

    def judge_owed_edges(self) -> None:
        if all(rank == SERIALIZABLE for rank in self.observed.ranks):
            return  # all edges will be looked at
        owed = Dependencies(self.observed, reads_from=1, reads_before=2, realtime=self.realtime)
        for knot in knots(owed.graph):
            for lone in lone_knots(owed.graph, knot):
                self.accuse(owed, cycles(owed.graph, lone, lone=True))

    def judge_serializable(self) -> None:
        members = [rank == SERIALIZABLE for rank in self.observed.ranks]
        if any(members):
            together = Dependencies(self.observed, None if all(members) else members, realtime=self.realtime)
            for knot in knots(together.graph):
                self.accuse(together, cycles(together.graph, knot))

    def accuse(self, dependencies: Dependencies, ways: Iterable[Way]) -> None:
        """Keeps the shortest of each name, and counts."""
        for way in by_length([way for way in ways if signature(way) not in self.accused]):
            self.accused.add(signature(way))
            key = code_of(way), name_of(way, dependencies)
            self.counts[key] += 1
            known = self.forbidden.get(key)
            if known is None or len(way) < len(known.cycle):
                self.forbidden[key] = Anomaly(*key, cycle=tuple(dependencies.explained(*edge) for edge in way))

    def count_allowed(self) -> None:
        """Cycles of all edges, but those of time; what is forbidden is left out."""
        if all(rank == SERIALIZABLE for rank in self.observed.ranks):
            return
        everything = Dependencies(self.observed, realtime=False)
        left = CENSUS
        for knot in knots(everything.graph):
            for way in cycles(everything.graph, knot[:left]):
                key = code_of(way), name_of(way, everything)
                if key not in self.counts:
                    self.allowed[key] += 1
            left -= len(knot)
            if left <= 0:
                return


def judge(history: ListHistory, *, realtime: bool = True, census: bool = True) -> Verdict:
    """Judges a history by the levels of its transactions; see `rules` for what these forbid.

    Arguments:
        realtime: whether a transaction that began after another's acknowledgement must stand behind it.
        census: whether allowed anomalies are counted, too.
    """
    return Judge(history, realtime=realtime, census=census).verdict()


__all__ = ["REALTIME", "Judge", "Verdict", "judge"]
