"""How often statements are compiled, counted: a plan is shared by all that differ in parameters or literals only."""

from __future__ import annotations

from collections.abc import Callable

from counted_world import World

Bank = Callable[[int], World]


def test_parameters_share_a_plan(bank: Bank) -> None:
    world = bank(100)
    connection = world.connect()
    with world.counted() as work:
        for number in range(50):
            connection.execute("SELECT owner FROM account WHERE id = ?", (number,)).fetchall()
    assert work.compiled == 1


def test_literals_share_a_plan(bank: Bank) -> None:
    world = bank(100)
    connection = world.connect()
    with world.counted() as work:
        for number in range(50):
            connection.execute(f"SELECT owner FROM account WHERE id = {number}").fetchall()
            connection.execute(f"UPDATE account SET owner = 'o{number}' WHERE id = {number}")
    assert work.compiled == 2


def test_sessions_share_a_plan(bank: Bank) -> None:
    world = bank(100)
    with world.counted() as work:
        for _ in range(5):
            world.connect().execute("SELECT owner FROM account WHERE id = ?", (1,)).fetchall()
    assert work.compiled == 1


def test_executemany_compiles_once(bank: Bank) -> None:
    world = bank(100)
    connection = world.connect()
    with world.counted() as work:
        rows = [(number, "new", number, number) for number in range(1000, 1100)]
        connection.cursor().executemany("INSERT INTO account VALUES (?, ?, ?, ?)", rows)
    assert work.compiled == 1


def test_transaction_control_compiles_nothing(bank: Bank) -> None:
    world = bank(100)
    connection = world.connect()
    with world.counted() as work:
        for _ in range(5):
            connection.execute("BEGIN ISOLATION LEVEL SNAPSHOT")
            connection.execute("COMMIT")
    assert work.compiled == 0


def test_a_change_of_the_schema_compiles_again_once(bank: Bank) -> None:
    world = bank(100)
    connection = world.connect()
    text = "SELECT owner FROM account WHERE id = ?"
    connection.execute(text, (1,)).fetchall()
    connection.execute("CREATE TABLE other (a int)")
    with world.counted() as work:
        for number in range(5):
            connection.execute(text, (number,)).fetchall()
    assert work.compiled == 1
