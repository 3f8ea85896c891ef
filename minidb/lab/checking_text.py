"""The story of a test that has failed: what went wrong and how often, one order that shows it step by step, the cycle
behind it, and which level would have been enough.

    lost update (G-single) at read committed: in 40 of 50 interleavings

      level            can happen   tried   ...
    ━━ withdraw 1, withdraw 2 ━━━━━━━━━━ ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from minidb.isolation import IsolationLevel
from minidb.lab.explanation import explain
from minidb.lab.exploration_text import called, levels_text, table
from minidb.lab.explorer import Exploration, Finding
from minidb.lab.paint import Painter
from minidb.lab.pictures import text
from minidb.lab.wishes import Wishes

WIDTH = 96
LADDER = (IsolationLevel.READ_COMMITTED, IsolationLevel.SNAPSHOT, IsolationLevel.SSI)
LONGEST_LADDER = 1_000  # performances that an exploration may have taken for another one to be worth its time
Retry = Callable[[str], Exploration]


def failure_text(found: Sequence[Exploration], wishes: Wishes, at: Retry) -> str:
    """What is wrong with some explorations; empty if nothing is. `at` explores the same at another level."""
    for exploration in found:
        unwanted = wishes.unwanted(exploration)
        if unwanted:
            return "\n".join(story(found, exploration, unwanted, at))
    for exploration in found:
        missing = wishes.missing(exploration)
        if missing:
            return "\n".join([missing_text(exploration, missing), "", *table(found, PAINTER)])
    return ""


PAINTER = Painter(WIDTH)


def missing_text(exploration: Exploration, missing: Sequence[str]) -> str:
    tried = f"{'a sample of ' if exploration.sample else ''}{exploration.possible:,} interleavings"
    return f"{' and '.join(missing)} was expected{place(exploration)}, but none of {tried} shows it"


def story(found: Sequence[Exploration], exploration: Exploration, unwanted: Sequence[Finding], at: Retry
          ) -> Iterator[str]:
    yield headline(exploration, unwanted[0])
    yield from (f"and {called(finding)}: in {finding.interleavings:,}" for finding in unwanted[1:])
    yield ""
    yield from table(found, PAINTER)
    yield ""
    explanation = explain(exploration.run(unwanted[0].witness), title=", ".join(exploration.levels))
    yield from text(explanation, PAINTER)
    enough = enough_text(exploration, at)
    if enough:
        yield ""
        yield enough


def headline(exploration: Exploration, finding: Finding) -> str:
    share = f"{finding.interleavings:,} of {exploration.possible:,} interleavings"
    return f"{called(finding)}{place(exploration)}: in {share}"


def place(exploration: Exploration) -> str:
    """The levels, if they were chosen."""
    return f" at {levels_text(exploration)}" if any(exploration.levels.values()) else ""


# -- what would have been enough


def enough_text(exploration: Exploration, at: Retry) -> str:
    """A sentence about the lowest level at which all is well; empty if that would take too long to find out."""
    if any(outcome.broken and outcome.serializable for outcome in exploration.outcomes):
        return "No isolation level helps: the invariant is broken by the transactions one after the other, too."
    if exploration.sample or exploration.performed > LONGEST_LADDER:
        return ""
    for level in higher_levels(exploration):
        try:
            other = at(level)
        except Exception:  # at that level a function does what it may not
            continue
        if other.good and not other.sample:
            return f"At {level} nothing of this can happen{price(other)}."
    return ""


def higher_levels(exploration: Exploration) -> list[str]:
    """The levels above all of the exploration's, as far as these are known."""
    order = list(IsolationLevel)
    places = [order.index(IsolationLevel.parse(level)) for level in exploration.levels.values() if level is not None]
    return [str(level) for level in LADDER if order.index(level) > max(places, default=0)]


def price(exploration: Exploration) -> str:
    retried = sum(exploration.retried.values())
    share = f"{retried:,} of {exploration.possible:,} interleavings"
    return f"; in {share} somebody is rolled back and must run again" if retried else ""


__all__ = ["failure_text"]
