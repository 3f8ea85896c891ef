"""COPY: a CSV file in, checked as a whole; a query out.

python examples/copy_csv.py
"""

import tempfile
from pathlib import Path

import minidb

READINGS = "sensor,at,value\n1,2026-03-01 12:00,20.5\n1,2026-03-01 13:00,21.0\n2,2026-03-01 12:00,\n"

with tempfile.TemporaryDirectory() as directory, minidb.connect(":memory:", autocommit=True) as connection:
    connection.execute("CREATE TABLE reading (sensor int, at timestamp, value real, PRIMARY KEY (sensor, at))")
    file = Path(directory) / "readings.csv"
    file.write_text(READINGS)
    cursor = connection.execute(f"COPY reading FROM '{file}' (FORMAT csv, HEADER)")
    print("rows:", cursor.rowcount)

    # A broken line undoes all of it, and is named.
    try:
        connection.cursor().copy("COPY reading FROM STDIN (FORMAT csv)", "3,2026-03-01 12:00,1\n3,at noon,2\n")
    except minidb.DataError as error:
        print(error)
    print("sensor 3:", connection.execute("SELECT count(*) FROM reading WHERE sensor = 3").fetchone())

    means = "SELECT sensor, avg(value) FROM reading GROUP BY sensor ORDER BY sensor"
    with connection.cursor().copy(f"COPY ({means}) TO STDOUT (FORMAT csv)") as lines:
        print("".join(lines), end="")
