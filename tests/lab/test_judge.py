"""The judge on written histories: each anomaly of the literature, forbidden from the right level on."""

from __future__ import annotations

import pytest

from minidb.isolation import IsolationLevel
from minidb.lab.judge import InvalidHistory, judge
from tests.lab.list_histories import written

LEVELS = [level.value for level in IsolationLevel]
READ_UNCOMMITTED, READ_COMMITTED, SNAPSHOT, SERIALIZABLE = range(4)
RANKS = dict(zip(LEVELS, (READ_UNCOMMITTED, READ_COMMITTED, SNAPSHOT, *[SERIALIZABLE] * 3)))

# (text, rank from which on it is forbidden, its code, its name)
ANOMALIES = {
    "dirty write": (
        """
        0 ok: append x 1; append y 1
        1 ok: append x 2; append y 2
        2 serial: r x 1 2; r y 2 1
        """,
        READ_UNCOMMITTED, "G0", "dirty write",
    ),
    "aborted read": (
        """
        0 fail: append x 1
        1 ok: r x 1
        """,
        READ_COMMITTED, "G1a", "aborted read",
    ),
    "dirty update": (
        """
        0 fail: append x 1
        1 ok: append x 2
        2 ok: r x 1 2
        """,
        READ_COMMITTED, "G1a", "aborted read",
    ),
    "intermediate read": (
        """
        0 ok: append x 1; append x 2
        1 ok: r x 1
        2 serial: r x 1 2
        """,
        READ_COMMITTED, "G1b", "intermediate read",
    ),
    "circular information flow": (
        """
        0 ok: append x 1; r y 2
        1 ok: append y 2; r x 1
        """,
        READ_COMMITTED, "G1c", "circular information flow",
    ),
    "lost update": (
        """
        0 ok: append x 1
        1 ok: r x 1; append x 2
        2 ok: r x 1; append x 3
        3 serial: r x 1 2 3
        """,
        SNAPSHOT, "G-single", "lost update",
    ),
    "lost update, whose order nobody knows": (
        """
        0 ok: append x 1
        1 ok: r x 1; append x 2
        2 ok: r x 1; append x 3
        """,
        SNAPSHOT, "lost update", "lost update",
    ),
    "non-repeatable read": (
        """
        0 ok: append x 1
        1 ok: r x; r x 1
        """,
        SNAPSHOT, "G-single", "non-repeatable read",
    ),
    "read skew": (
        """
        0 ok: append x 1; append y 1
        1 ok: r x; r y 1
        """,
        SNAPSHOT, "G-single", "read skew",
    ),
    "long fork": (
        """
        0 ok: append x 1
        1 ok: append y 1
        2 ok: r x 1; r y
        3 ok: r x; r y 1
        """,
        SNAPSHOT, "G-nonadjacent", "long fork",
    ),
    "write skew": (
        """
        0 ok: r x; append y 1
        1 ok: r y; append x 1
        2 serial: r x 1; r y 1
        """,
        SERIALIZABLE, "G2-item", "write skew",
    ),
    "read-only anomaly": (  # Fekete, O'Neil & O'Neil (2004)
        """
        0 ok: append saving 20
        1 ok: r saving; append checking 11
        2 ok: r saving 20; r checking
        3 serial: r saving 20; r checking 11
        """,
        SERIALIZABLE, "G2-item", "read-only anomaly",
    ),
    "garbage read": (
        """
        0 ok: append x 1
        1 ok: r x 1 7
        """,
        READ_UNCOMMITTED, "garbage read", "garbage read",
    ),
    "duplicate items": (
        """
        0 ok: append x 1
        1 ok: r x 1 1
        """,
        READ_UNCOMMITTED, "duplicate items", "duplicate items",
    ),
    "own append not seen": (
        """
        0 ok: append x 1; r x
        """,
        READ_UNCOMMITTED, "internal", "internal contradiction",
    ),
    "own append seen too early": (
        """
        0 ok: r x 1; append x 1
        """,
        READ_UNCOMMITTED, "internal", "internal contradiction",
    ),
    "own appends in another order": (
        """
        0 ok: append x 1; append x 2; r x 2 1
        """,
        READ_UNCOMMITTED, "internal", "internal contradiction",
    ),
    "incompatible orders": (
        """
        0 ok: append x 1
        1 ok: append x 2
        2 ok: r x 1 2
        3 ok: r x 2
        """,
        READ_COMMITTED, "incompatible order", "incompatible orders",
    ),
}
PAIRS = [(name, level) for name in ANOMALIES for level in LEVELS]


@pytest.mark.parametrize(("name", "level"), PAIRS)
def test_each_anomaly_is_forbidden_from_its_level_on(name: str, level: str) -> None:
    text, rank, code, common = ANOMALIES[name]
    verdict = judge(written(text, level))
    forbidden = {(anomaly.code, anomaly.name) for anomaly in verdict.forbidden}
    if RANKS[level] >= rank:
        assert (code, common) in forbidden
    else:
        assert verdict.clean
        assert verdict.allowed[code, common] == 1


CLEAN = {
    "one after the other": """
        0 ok: append x 1; r x 1
        1 ok: r x 1; append x 2; r x 1 2
        0 ok: append y 1; r x 1 2; r y 1
        """,
    "a failed transaction that nobody saw": """
        0 fail: append x 1; r x 1
        1 ok: append x 2; r x 2
        """,
    "an unknown outcome that was a commit": """
        0 info: append x 1
        1 ok: append x 2
        2 ok: r x 1 2
        """,
    "an unknown outcome that was none": """
        0 info: append x 1
        1 ok: r x; append x 2
        2 ok: r x 2
        """,
    "an older state at the same time": """
        0 ok: append x 1
        1 ok: r x
        2 ok: r x 1
        """,
    "own items taken off before versions are compared": """
        0 ok: append x 1
        1 ok: append x 2; r x 1 2; append x 3; r x 1 2 3
        2 ok: r x 1 2 3
        """,
}


@pytest.mark.parametrize("text", CLEAN.values(), ids=CLEAN.keys())
@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_found_where_nothing_is(text: str, level: str) -> None:
    verdict = judge(written(text, level))
    assert verdict.clean
    assert not verdict.allowed or RANKS[level] < SERIALIZABLE


def test_the_example_of_elles_paper() -> None:
    """Section 2 of Kingsbury & Alvaro (2020): T1 -ww-> T2 -rw-> T1, read skew."""
    verdict = judge(written("""
        0 ok: append 253 1; append 253 3; append 253 4; append 255 2; append 255 3; append 255 4; append 255 5
        1 ok: append 255 8; r 253 1 3 4
        2 ok: append 256 4; r 255 2 3 4 5 8; r 256 1 2 4; r 253 1 3 4
        3 ok: append 250 10; r 253 1 3 4; r 255 2 3 4 5; append 256 3
        4 ok: append 256 1; append 256 2
        5 ok: r 256 1 2 4 3
        """, "snapshot"))
    (anomaly,) = verdict.forbidden
    assert (anomaly.code, anomaly.name) == ("G-single", "read skew")
    cycle = [(edge.source, edge.kind, edge.target) for edge in anomaly.cycle]
    assert cycle == [(1, "wr", 2), (2, "ww", 3), (3, "rw", 1)]


@pytest.mark.parametrize("level", LEVELS)
def test_a_snapshot_is_read_the_same_way_twice(level: str) -> None:
    verdict = judge(written("""
        0 ok: append x 1
        1 ok: r x 1; r x
        """, level))
    assert ("internal" in {anomaly.code for anomaly in verdict.forbidden}) == (RANKS[level] >= SNAPSHOT)


# -- time


STALE = """
    0 ok: append x 1
    1 ok: r x
    """


@pytest.mark.parametrize("level", LEVELS)
def test_a_read_must_not_be_older_than_its_transaction(level: str) -> None:
    verdict = judge(written(STALE, level, concurrent=False))
    assert [anomaly.code for anomaly in verdict.forbidden] == (
        ["G-single-realtime"] if RANKS[level] >= SNAPSHOT else []
    )
    assert judge(written(STALE, level, concurrent=False), realtime=False).clean


@pytest.mark.parametrize("level", LEVELS[2:])
def test_an_acknowledged_append_that_nobody_sees_is_missed(level: str) -> None:
    verdict = judge(written("""
        0 ok: append x 1
        1 ok: append x 2
        2 serial: r x 2
        """, level, concurrent=False))
    assert {anomaly.code for anomaly in verdict.forbidden} == {"G0-realtime", "G-single-realtime"}


def test_dirty_writes_against_the_order_of_time() -> None:
    verdict = judge(written("""
        0 ok: append x 1
        1 ok: append x 2
        2 serial: r x 2 1
        """, "read uncommitted", concurrent=False))
    assert [anomaly.code for anomaly in verdict.forbidden] == ["G0-realtime"]


# -- mixed levels


def test_only_serializable_transactions_are_serializable_together() -> None:
    skew = """
        0 {}: r x; append y 1
        1 {}: r y; append x 1
        2 serial: r x 1; r y 1
        """
    assert not judge(written(skew.format("ssi", "2pl"))).clean
    assert judge(written(skew.format("ssi", "snapshot"))).clean
    assert judge(written(skew.format("read committed", "serial"))).clean


def test_an_antidependency_is_owed_to_its_reader() -> None:
    skew = """
        0 {}: append x 1; append y 1
        1 {}: r x; r y 1
        """
    assert not judge(written(skew.format("read uncommitted", "snapshot"))).clean
    assert judge(written(skew.format("ssi", "read committed"))).clean


def test_a_dirty_read_is_forbidden_to_who_did_not_ask_for_it() -> None:
    dirty = """
        0 fail: append x 1
        1 {}: r x 1
        """
    assert not judge(written(dirty.format("read committed"))).clean
    assert judge(written(dirty.format("read uncommitted"))).clean


def test_others_are_taken_out_of_the_lists_of_the_serializable() -> None:
    """Write skew; what the one has read and the other's item are kept apart by an item of READ COMMITTED."""
    verdict = judge(written("""
        0 ssi: r x 5; append y 1
        1 ssi: r y; append x 1
        2 read committed: append x 5
        3 read committed: append x 6
        4 serial: r x 5 6 1; r y 1
        """))
    assert [(anomaly.code, anomaly.name) for anomaly in verdict.forbidden] == [("G2-item", "write skew")]


# -- words


def test_each_edge_is_told_in_words() -> None:
    verdict = judge(written("""
        0 ok: r x; append y 1
        1 ok: r y; append x 1
        2 serial: r x 1; r y 1
        """))
    (anomaly,) = verdict.forbidden
    assert [(edge.source, edge.kind, edge.target, edge.words) for edge in anomaly.cycle] == [
        (0, "rw", 1, "T0 (process 0, ssi) read x = [], without 1, which T1 (process 1, ssi) appended"),
        (1, "rw", 0, "T1 (process 1, ssi) read y = [], without 1, which T0 (process 0, ssi) appended"),
    ]


def test_findings_name_the_writer() -> None:
    verdict = judge(written(ANOMALIES["aborted read"][0]))
    assert verdict.forbidden[0].words == "T1 (process 1, ssi) read x = [1]; T0, which appended 1, was rolled back"


def test_an_item_that_is_appended_twice_is_no_history() -> None:
    with pytest.raises(InvalidHistory, match="1 is appended to x twice, by T0 and T1"):
        judge(written("""
            0 ok: append x 1
            1 ok: append x 1
            """))
