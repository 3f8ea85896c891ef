"""Time travel: who has changed my prices? Yesterday's table beside today's, in one statement.

python examples/time_travel.py
"""

import minidb

database = minidb.Database(":memory:")
connection = database.connect(autocommit=True)
connection.execute("SET minidb.keep_versions = '1 h'")  # how far AS OF can look back
connection.execute("CREATE TABLE price (item text PRIMARY KEY, cents int NOT NULL)")
connection.execute("INSERT INTO price VALUES ('pen', 150), ('ink', 900), ('cap', 1200)")
(monday,) = connection.execute("SELECT current_commit()").fetchone()

connection.execute("UPDATE price SET cents = cents * 11 / 10 WHERE item <> 'cap'")
connection.execute("DELETE FROM price WHERE item = 'cap'")
connection.execute("INSERT INTO price VALUES ('hat', 2500)")

# AS OF belongs to a whole query, so each time is read for itself; both are consistent.
then = dict(connection.execute(f"SELECT item, cents FROM price AS OF COMMIT {monday}"))
now = dict(connection.execute("SELECT item, cents FROM price"))
for item in sorted(then.keys() | now.keys()):
    print(f"{item}: {then.get(item, '-')} -> {now.get(item, '-')}")

# What was deleted by mistake comes back.
lost = connection.execute(f"SELECT item, cents FROM price AS OF COMMIT {monday}").fetchall()
connection.executemany("INSERT INTO price VALUES (?, ?) ON CONFLICT DO NOTHING", lost)
print("again there:", connection.execute("SELECT item FROM price WHERE item = 'cap'").fetchone())
