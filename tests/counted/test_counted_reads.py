"""What reading costs, counted: pages read, rows decoded, and whether rows had to be looked at one by one."""

from __future__ import annotations

from collections.abc import Callable

from counted_world import World

Bank = Callable[[int], World]
ROWS = 3000
POINT = "SELECT * FROM account WHERE id = ?"
RANGE = "SELECT * FROM account WHERE opened BETWEEN ? AND ?"
COVERED = "SELECT opened, owner FROM account WHERE opened BETWEEN ? AND ?"
TOTAL = "SELECT count(*), sum(balance) FROM account WHERE balance % 7 = 3"


def test_a_cold_point_read_takes_one_path_down_the_index_and_one_page_of_the_table(bank: Bank) -> None:
    world = bank(ROWS)
    world.reopen()
    connection = world.connect()
    with world.counted() as work:
        assert connection.execute(POINT, (5,)).fetchone() == (5, "owner 5", 35, 5)
    assert work.base.reads <= 4  # root and leaf of the index, root and leaf of the table
    assert work.decoded == work.base.reads - 2  # of a leaf that nobody has looked into yet only an entry is
    assert work.rows_decoded == 0
    with world.counted() as again:
        assert connection.execute(POINT, (5,)).fetchone() == (5, "owner 5", 35, 5)
    assert again.decoded == again.base.reads == 2
    assert 0 < again.rows_decoded < ROWS // 2


def test_a_warm_point_read_touches_no_file_and_decodes_nothing(bank: Bank) -> None:
    world = bank(ROWS)
    connection = world.connect()
    for _ in range(2):
        connection.execute(POINT, (5,)).fetchone()
    with world.counted() as work:
        for _ in range(10):
            connection.execute(POINT, (5,)).fetchone()
    assert (work.base.reads, work.log.writes, work.decoded, work.compiled, work.versions) == (0, 0, 0, 0, 0)


def test_a_point_read_decodes_no_page_where_there_is_no_room_for_it(bank: Bank) -> None:
    world = bank(ROWS)
    world.reopen()
    connection = world.connect()
    connection.execute(POINT, (5,)).fetchone()
    connection.execute(COVERED, (5, 24)).fetchall()  # the inner nodes are cached, and one leaf of each tree
    world.engine.pool.limit = world.engine.pool.bytes
    with world.counted() as work:
        assert connection.execute(POINT, (2900,)).fetchone() == (2900, "owner 2900", 2900 * 7 % ROWS, 2900)
    assert (work.base.reads, work.decoded, work.rows_decoded) == (2, 0, 0)
    with world.counted() as work:
        assert len(connection.execute(COVERED, (1000, 1019)).fetchall()) == 20
    assert (work.base.reads, work.decoded, work.rows_decoded) == (1, 0, 0)


def test_pages_of_a_point_read_grow_with_the_depth_of_the_tree_only(bank: Bank) -> None:
    found = []
    for rows in (500, 5000):
        world = bank(rows)
        world.reopen()
        connection = world.connect()
        with world.counted() as work:
            connection.execute(POINT, (5,)).fetchone()
        found.append(work.decoded)
        world.database.close()
    assert found[1] <= found[0] + 2, found


def test_a_covered_range_reads_no_page_of_the_table(bank: Bank) -> None:
    decoded = {}
    for text in (RANGE, COVERED):
        world = bank(ROWS)
        world.reopen()
        connection = world.connect()
        with world.counted() as work:
            assert len(connection.execute(text, (100, 119)).fetchall()) == 20
        decoded[text] = work.decoded
        world.database.close()
    assert decoded[COVERED] <= 3
    assert decoded[RANGE] > decoded[COVERED]


def test_a_scan_decodes_each_page_once_and_then_none(bank: Bank) -> None:
    world = bank(ROWS)
    world.reopen()
    connection = world.connect()
    with world.counted() as work:
        connection.execute(TOTAL).fetchall()
    assert work.rows_decoded == ROWS
    with world.counted() as again:
        connection.execute(TOTAL).fetchall()
    assert (again.decoded, again.base.reads) == (0, 0)


def test_settled_rows_are_passed_on_leaf_by_leaf_without_a_look_at_versions(bank: Bank) -> None:
    world = bank(ROWS)
    connection = world.connect()
    with world.counted() as work:
        connection.execute(TOTAL).fetchall()
        connection.execute(RANGE, (100, 119)).fetchall()
    assert work.judged == 0


def test_one_changed_row_is_looked_at_alone(bank: Bank) -> None:
    world = bank(ROWS)
    connection = world.connect()
    connection.execute("UPDATE account SET balance = 10 WHERE id = 1500")
    with world.counted() as work:
        connection.execute(TOTAL).fetchall()
    assert (work.amended, work.judged) == (1, 0)


def test_many_changed_rows_make_their_batch_be_looked_at(bank: Bank) -> None:
    world = bank(ROWS)
    connection = world.connect()
    connection.execute("UPDATE account SET balance = 10 WHERE id BETWEEN 1001 AND 1900")
    with world.counted() as work:
        connection.execute(TOTAL).fetchall()
    assert work.judged >= 1
    connection.execute("CHECKPOINT")
    with world.counted() as work:
        connection.execute(TOTAL).fetchall()
    assert work.judged == 0


def test_a_scan_is_one_loop_over_each_leaf(bank: Bank) -> None:
    connection = bank(100).connect()
    code = [line for (line,) in connection.execute(f"EXPLAIN (CODE) {TOTAL}")]
    assert sum(line.lstrip().startswith("for ") for line in code) == 1
    assert "[" in "".join(line for line in code if " for r1 in b1 if " in line), "rows are filtered by a comprehension"
