"""Serial execution: the last seat of a concert, and ten threads that call a stored procedure to buy it.

python examples/serial_execution.py         connection.call always runs at level serial
"""

import tempfile
from pathlib import Path
from threading import Thread

import minidb


def buy(connection, owner):
    """Looks, then takes: right only because it runs alone."""
    (seats,) = connection.execute("SELECT seats FROM concert WHERE id = 1").fetchone()
    if seats == 0:
        return "sold out"
    connection.execute("UPDATE concert SET seats = ? WHERE id = 1", (seats - 1,))
    connection.execute("INSERT INTO ticket VALUES (1, ?)", (owner,))
    return "bought"


with tempfile.TemporaryDirectory() as directory, minidb.Database(Path(directory) / "concert.mdb") as database:
    database.register_procedure("buy", buy)
    answers = []

    def visit(owner):
        with database.connect() as connection:
            answers.append(connection.call("buy", owner))

    with database.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE concert (id int PRIMARY KEY, seats int)")
        connection.execute("CREATE TABLE ticket (concert int, owner int)")
        connection.execute("INSERT INTO concert VALUES (1, 1)")
        threads = [Thread(target=visit, args=(owner,)) for owner in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print("sold:", connection.execute("SELECT count(*) FROM ticket").fetchone()[0], "of 1")
        print("answers:", answers.count("bought"), "bought,", answers.count("sold out"), "sold out")
