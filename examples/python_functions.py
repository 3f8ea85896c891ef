"""Functions, aggregates and orders of one's own, in Python, called from SQL.

python examples/python_functions.py
"""

import math
import re

import minidb

connection = minidb.connect(":memory:", autocommit=True)


def distance(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Kilometres on the globe (haversine)."""
    a, b, c, d = map(math.radians, (latitude, longitude, other_latitude, other_longitude))
    h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 12742 * math.asin(math.sqrt(h))


class GeometricMean:
    """An aggregate: `step` for each row, `finalize` at the end."""

    def __init__(self) -> None:
        self.logarithms: list[float] = []

    def step(self, value: float | None) -> None:
        if value is not None:
            self.logarithms.append(math.log(value))

    def finalize(self) -> float | None:
        return math.exp(sum(self.logarithms) / len(self.logarithms)) if self.logarithms else None


def naturally(left: str, right: str) -> int:
    """2 before 10, as people sort."""
    a, b = ([int(p) if p.isdigit() else p for p in re.split(r"(\d+)", text)] for text in (left, right))
    return (a > b) - (a < b)


connection.create_function("distance", 4, distance, deterministic=True)
connection.create_aggregate("geometric_mean", 1, GeometricMean, returns=float)
connection.create_collation("naturally", naturally)

connection.execute("CREATE TABLE city (name text, latitude float8, longitude float8)")
connection.execute("INSERT INTO city VALUES ('Ulm', 48.4, 10.0), ('Paris', 48.86, 2.35), ('Rome', 41.9, 12.5)")
nearest = """
    SELECT a.name, b.name, round(distance(a.latitude, a.longitude, b.latitude, b.longitude)::numeric) AS km
    FROM city a JOIN city b ON a.name < b.name ORDER BY km
"""
for first, second, kilometres in connection.execute(nearest):
    print(f"{first} - {second}: {kilometres} km")
print(connection.execute("SELECT geometric_mean(x) FROM (VALUES (2.0::float8), (8), (NULL)) v (x)").fetchone())
files = connection.execute("SELECT f FROM unnest(ARRAY['p10', 'p9', 'p1']) f ORDER BY f COLLATE naturally")
print([name for (name,) in files])
