"""The power goes off at any step of publishing: the base is found as it was, or as it was meant to be, and whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from base_tools import PATH, TREE, check, fold, forwards, make_base, open_base

from minidb.errors import OperationalError
from minidb.storage.base import Base
from minidb.storage.btree import Tree
from minidb.storage.faulty import Change, FaultyFileSystem, subsets
from minidb.storage.file import MemoryFileSystem
from minidb.storage.meta import SLOT_SIZE

State = tuple[int, bytes, dict[int, list[Any]]]


def state(base: Base) -> State:
    """What a user of this root sees."""
    trees = {relation: forwards(Tree(base, relation, TREE), base.root) for relation in base.root.relations}
    return base.root.number, base.root.catalog, trees


def found_after(files: MemoryFileSystem) -> State:
    """Opens what a crash has left, checks all of it, writes to it, and says what was there."""
    base = open_base(files)
    trees = [Tree(base, relation, TREE) for relation in base.root.relations]
    check(base, *trees)
    found = state(base)
    fold(base, [(key, 1, ("after",)) for key in range(0, 60, 3)])
    check(base, *trees)
    base.close()
    return found


def outcomes(files: FaultyFileSystem, first: int) -> Iterator[tuple[int, list[Change]]]:
    """Every step from `first` on, with the sets of unsynced changes that may have arrived by then."""
    for step in range(first, len(files.history) + 1):
        pending = files.pending(step)
        for kept in subsets(pending, most=64):
            yield step, kept
        yield step, pending[::-1]
        yield step, [piece for change in pending for piece in change.sectors()[::2]]


def second_publish(base: Base) -> None:
    """A publish of some of everything: updates, deletions, a new relation, a dropped one, another catalog."""
    writer = base.begin()
    writer.fold_tree(1, TREE, [(key, 1, None if key % 4 == 0 else (f"second {key}",)) for key in range(0, 40, 2)])
    writer.fold_tree(3, TREE, [(key, 1, ("new",)) for key in range(8)])
    writer.drop(2)
    base.swap(writer.publish(20, b"second catalog"))


def prepared() -> tuple[FaultyFileSystem, Base]:
    files = FaultyFileSystem()
    base = make_base(files, leaf_bytes=150)
    for text in ("zeroth", "first"):
        fold(base, [(key, 1, (f"{text} {key}",)) for key in range(30)], number=9)
    fold(base, [(key, 1, ("doomed",)) for key in range(10)], number=10, relation=2)
    return files, base


def test_a_crash_while_publishing_leaves_the_old_root_or_the_new_one() -> None:
    """R14."""
    files, base = prepared()
    before = state(base)
    first = len(files.history)
    second_publish(base)
    after = state(base)
    meta = next(step for step in range(first, len(files.history)) if files.history[step].offset in (0, SLOT_SIZE))
    seen = set()
    for step, kept in outcomes(files, first):
        found = found_after(files.crash(kept, step=step))
        seen.add(found[0])
        assert found in (before, after)
        if step <= meta:
            assert found == before
        if step == len(files.history):
            assert found == after
    assert seen == {10, 20}


def test_a_crash_after_the_next_publish_has_begun() -> None:
    """Its pages may not lie where the root before, or the one before that, needs its own (R14)."""
    files, base = prepared()
    second_publish(base)
    before = state(base)
    first = len(files.history)
    writer = base.begin()
    writer.fold_tree(1, TREE, [(key, 1, ("third",)) for key in range(200)])
    for step, kept in outcomes(files, first):
        assert found_after(files.crash(kept, step=step)) == before


def test_the_older_meta_page_still_works_after_the_newest_is_damaged() -> None:
    """R19: pages of the root before are kept until the next publish is durable, through its writing as well."""
    files, base = prepared()
    before = state(base)
    second_publish(base)
    slot = base.root.meta.slot
    base.begin().fold_tree(1, TREE, [(key, 1, ("third",)) for key in range(200)])
    after = files.crash(files.pending())
    data = after.names[PATH].data
    data[slot * SLOT_SIZE] ^= 1
    assert found_after(after) == before


def test_a_meta_page_that_was_taken_back_stays_away() -> None:
    """It had arrived when its write failed; what it reaches is overwritten by the next attempt (R4)."""
    files, base = prepared()
    before = state(base)
    writer = base.begin()
    writer.fold_tree(1, TREE, [(key, 1, ("second",)) for key in range(40)])

    def order() -> None:
        files.fail("write", 1, partial=512)

    with pytest.raises(OperationalError):
        writer.publish(20, b"second catalog", before_swap=order)
    first = len(files.history)
    base.begin().fold_tree(1, TREE, [(key, 1, ("third",)) for key in range(40)])
    for step, kept in outcomes(files, first):
        assert found_after(files.crash(kept, step=step)) == before


def test_a_crash_during_creation_leaves_nothing_or_an_empty_base() -> None:
    """R77."""
    files = FaultyFileSystem()
    make_base(files, catalog=b"nothing yet")
    seen = set()
    for step, kept in outcomes(files, 0):
        after = files.crash(kept, step=step)
        if PATH not in after.names:
            seen.add("no file")
            continue
        base = open_base(after)
        check(base)
        assert not base.root.relations
        seen.add("created" if base.root.catalog else "created again")
        base.close()
        open_base(after)
    assert seen == {"no file", "created", "created again"}
    assert files.history[-1].kind == "sync_directory"
    created = open_base(files.crash())
    assert created.root.catalog == b"nothing yet"


@pytest.mark.parametrize("kind", ["write", "sync", "truncate"])
def test_an_error_at_any_call_and_then_a_crash(kind: Any) -> None:
    """The first error ends the publish; whatever arrives later, old or new is found."""
    for nth in range(1, 40):
        files, base = prepared()
        before = state(base)
        first = len(files.history)
        fault = files.fail(kind, nth)
        try:
            second_publish(base)
        except OperationalError:
            pass
        if fault.times:
            assert nth > 1 or kind == "truncate"
            break
        after = (20, b"second catalog")
        for kept in ([], files.pending(), files.pending()[::-1], files.pending()[::2]):
            found = found_after(files.crash(kept))
            assert found == before or found[:2] == after
        assert len(files.history) >= first
