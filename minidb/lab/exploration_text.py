"""What an exploration has found, as text: a line per choice of levels, then each anomaly with its cycle in words.

    level            can happen   tried   outcomes   serializable     what goes wrong
    read committed           70      12          4   no  (28, 40 %)   write skew (G2-item) 28
    ssi                      70      15          7   yes              40001 in 28, 4 of them needlessly
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minidb.lab.explanation import explain
from minidb.lab.explorer import Exploration, Finding
from minidb.lab.paint import Painter, wrapped

HEADS = ("level", "can happen", "tried", "outcomes", "serializable")
LAST = "what goes wrong"
MARGIN = "  "
GAP = 3


def table(found: Sequence[Exploration], painter: Painter) -> Iterator[str]:
    """One line per exploration."""
    rows = [cells(exploration) for exploration in found]
    widths = [max(len(head), *(len(row[place]) for row in rows)) + GAP for place, head in enumerate(HEADS)]
    yield MARGIN + painter(line((*HEADS, LAST), widths), "dim")
    for exploration, row in zip(found, rows):
        left = line(row, widths)
        first, *more = wrapped(wrong(exploration), max(painter.width - len(MARGIN) - len(left), 30))
        yield MARGIN + painter(left, "answer" if exploration.good else "bad") + first
        yield from (MARGIN + " " * len(left) + text for text in more)


def line(row: Sequence[str], widths: Sequence[int]) -> str:
    """The first cell to the left, numbers to the right."""
    text = row[0].ljust(widths[0])
    for place in (1, 2, 3):
        text += row[place].rjust(widths[place] - GAP) + " " * GAP
    return text + row[4].ljust(widths[4]) + "".join(row[5:])


def cells(exploration: Exploration) -> tuple[str, ...]:
    mark = "+" if exploration.sample else ""
    return (
        levels_text(exploration), f"{exploration.possible:,}{mark}", f"{exploration.performed:,}{mark}",
        f"{len(exploration.outcomes):,}{mark}", serializable_text(exploration),
    )


def levels_text(exploration: Exploration) -> str:
    levels = dict.fromkeys(exploration.levels.values())
    if len(levels) == 1:
        return next(iter(levels)) or "as written"
    return ", ".join(f"{name} {level or 'as written'}" for name, level in exploration.levels.items())


def serializable_text(exploration: Exploration) -> str:
    if any(outcome.serializable is None for outcome in exploration.outcomes):
        return "unknown"
    if exploration.serializable:
        return "so far" if exploration.sample else "yes"
    return f"no  ({exploration.wrong:,}, {percent(exploration.wrong, exploration.possible)})"


def percent(part: int, whole: int) -> str:
    share = 100 * part / whole if whole else 0
    return f"{share:.0f} %" if share >= 1 else "< 1 %"


def wrong(exploration: Exploration) -> str:
    """Anomalies, invariants and retries, the most frequent first."""
    findings = sorted(exploration.findings.values(), key=lambda finding: -finding.interleavings)
    parts = [f"{short_name(finding)} {finding.interleavings:,}" for finding in findings]
    parts += [retried(exploration, state, count) for state, count in sorted(exploration.retried.items())]
    return ", ".join(parts) or "nothing"


def short_name(finding: Finding) -> str:
    return "invariant broken" if finding.is_invariant else called(finding)


def called(finding: Finding) -> str:
    anomaly = finding.anomaly
    return f"invariant broken ({anomaly.name})" if finding.is_invariant else f"{anomaly.name} ({anomaly.code})"


def retried(exploration: Exploration, state: str, count: int) -> str:
    needless = exploration.false_positives if state == "40001" else 0
    return f"{state} in {count:,}" + (f", {needless:,} of them needlessly" if needless else "")


# -- each finding


def findings_text(found: Sequence[Exploration], painter: Painter) -> Iterator[str]:
    """Every anomaly once, at the first level that has it, with its shortest witness and its cycle in words."""
    told: set[tuple[str, str]] = set()
    for exploration in found:
        for name, finding in exploration.findings.items():
            if name not in told:
                told.add(name)
                yield ""
                yield from finding_text(exploration, finding, painter)


def finding_text(exploration: Exploration, finding: Finding, painter: Painter) -> Iterator[str]:
    share = f"{finding.interleavings:,} of {exploration.possible:,} interleavings"
    head = f"{called(finding)} at {levels_text(exploration)}: in {share}"
    yield from (painter(text, "title") for text in wrapped(head, painter.width, MARGIN, MARGIN + "  "))
    yield from wrapped(" ".join(finding.witness.steps), painter.width, f"{MARGIN}  permutation ", MARGIN + "    ")
    anomaly = finding.anomaly
    if anomaly.words and not anomaly.cycle:
        yield from wrapped(anomaly.words, painter.width, MARGIN + "  ")
    for link in links(exploration, finding):
        yield from wrapped(link, painter.width, MARGIN + "  ", MARGIN + "    ")


def links(exploration: Exploration, finding: Finding) -> Iterator[str]:
    """The cycle's edges: `alice -rw-> bob: alice read ...; bob changed ...`."""
    if not finding.anomaly.cycle:
        return
    explanation = explain(exploration.run(finding.witness), anomalies=[finding.anomaly])
    for edge in finding.anomaly.cycle:
        names = explanation.graph.names
        yield f"{names[edge.source]} -{edge.kind}-> {names[edge.target]}: {edge.words}"


__all__ = ["finding_text", "findings_text", "levels_text", "table"]
