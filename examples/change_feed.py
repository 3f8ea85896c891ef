"""A search index that follows a table through the change feed, and misses nothing while it is away.

python examples/change_feed.py
"""

import tempfile
from pathlib import Path

import minidb

index: dict[str, set[int]] = {}


def words(row: dict[str, object] | None) -> set[str]:
    return set(str(row["text"]).lower().split()) if row else set()


def follow(connection: minidb.Connection) -> None:
    """Takes what has happened since the last time; what was not acknowledged would come again."""
    with connection.changes(slot="search") as feed:
        for change in feed:
            number = change.key["id"]
            for word in words(change.before):
                index[word].discard(number)
            for word in words(change.after):
                index.setdefault(word, set()).add(number)
            print(f"  {change.operation} {change.key}")
            if change.last:
                feed.acknowledge(change.commit)


with tempfile.TemporaryDirectory() as directory:
    path = Path(directory) / "notes.mdb"
    with minidb.connect(path, autocommit=True) as connection:
        connection.execute("CREATE TABLE note (id int PRIMARY KEY, text text NOT NULL)")
        connection.create_slot("search")
        connection.execute("INSERT INTO note VALUES (1, 'Buy red ink'), (2, 'Call Ada')")
        print("the first time:")
        follow(connection)

        connection.execute("UPDATE note SET text = 'Buy blue ink' WHERE id = 1")
        connection.execute("DELETE FROM note WHERE id = 2")
    with minidb.connect(path, autocommit=True) as connection:  # opened anew: the slot has kept its place
        print("after a restart:")
        follow(connection)
    print({word: sorted(numbers) for word, numbers in sorted(index.items()) if numbers})
