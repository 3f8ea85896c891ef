"""The oldest view: the same answer as by looking at all of them, without looking at all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from minidb.txn.views import FEW, Views

ACTIONS = st.sampled_from(["publish", "begin", "know", "leave", "leave", "renew", "backdate"])


@given(st.lists(st.tuples(ACTIONS, st.integers(0, 1000)), max_size=150), st.integers(0, FEW + 9))
def test_the_oldest_is_found(actions: list[tuple[str, int]], crowd: int) -> None:
    """Views that have not taken their number yet stand for the number that they may take: that published then."""
    views, published = Views(), 10
    truth: dict[int, int] = {}
    beginning: set[int] = set()

    def begin(view: int) -> None:
        views[view] = 0
        truth[view] = published
        beginning.add(view)

    def know(view: int) -> None:
        views[view] = truth[view]
        beginning.discard(view)

    for view in range(crowd):
        begin(-view)
        know(-view)
        published += view % 2
    for number, (action, choice) in enumerate(actions, 1):
        some = sorted(truth)[choice % len(truth)] if truth else None
        if action == "publish":
            published += 1
        elif action == "begin":
            begin(number)
        elif some is None:
            continue
        elif action == "know":
            know(some)
        elif action == "leave":
            del views[some], truth[some]
            beginning.discard(some)
        elif action == "renew":
            begin(some)
        elif some not in beginning:
            truth[number] = truth[some]
            views.backdate(number, truth[some])
        oldest = views.oldest(published)
        least = min(truth.values(), default=published)
        assert oldest <= least
        if not beginning:
            assert oldest == least


class Counted(Views):
    """Counts how often all of the views are looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def items(self) -> Any:
        self.looks += 1
        return super().items()

    def values(self) -> Any:
        self.looks += 1
        return super().values()


def numbered(count: int) -> Iterator[tuple[str, int]]:
    for number in range(count):
        yield f"view {number}", number


def test_a_commit_beside_many_snapshots_does_not_look_at_all() -> None:
    views = Counted()
    for view, number in numbered(10_000):
        views[view] = number
    published = 10_000
    for view, number in numbered(9_000):  # the oldest goes, somebody comes, all the time
        assert views.oldest(published) == number
        del views[view]
        views["later", view] = published
        published += 1
    assert views.looks == 1
