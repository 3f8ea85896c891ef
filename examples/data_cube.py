"""A data cube: sums over every combination of dimensions, kept in a materialized view and refreshed under readers.

python examples/data_cube.py
"""

import minidb

connection = minidb.connect(":memory:", autocommit=True)
connection.executescript("""
    CREATE TABLE sale (region text, product text, year int, amount numeric(10, 2));
    INSERT INTO sale VALUES ('north', 'pen', 2025, 10), ('north', 'ink', 2025, 40), ('south', 'pen', 2025, 5),
                            ('north', 'pen', 2026, 20), ('south', 'ink', 2026, 60);
    CREATE MATERIALIZED VIEW cube AS
        SELECT region, product, year, sum(amount) AS total, grouping(region, product, year) AS level
        FROM sale GROUP BY CUBE (region, product, year);
    CREATE UNIQUE INDEX ON cube (level, region, product, year) NULLS NOT DISTINCT;
""")


def total(level: int, condition: str = "true") -> list[tuple[object, ...]]:
    """One face of the cube; the bits of `level` say which of region, product and year are summed up."""
    sql = f"SELECT coalesce(region, product, year::text, 'all'), total FROM cube WHERE level = {level} AND {condition}"
    return [(name, str(amount)) for name, amount in connection.execute(sql + " ORDER BY 1")]


print("cells:", connection.execute("SELECT count(*) FROM cube").fetchone())
print("all:", total(0b111))
print("by region:", total(0b011))
print("by product:", total(0b101))
print("by year:", total(0b110))

connection.execute("INSERT INTO sale VALUES ('south', 'pen', 2026, 15)")
print("not refreshed:", total(0b111))
connection.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY cube")  # changes only the cells that differ
print("refreshed:", total(0b111))
