"""Which engines take part: those asked for that are installed. Each is imported only when it does."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module

from benchmarks.engines.interface import Engine, NotInstalled

PLACES = {
    "minidb": ("own", "Own"),
    "minidb-off": ("own", "OwnUnwritten"),
    "sqlite": ("sqlite", "Sqlite"),
    "duckdb": ("duck", "Duck"),
    "postgres": ("postgres", "Postgres"),
    "handwritten": ("handwritten.engine", "Handwritten"),
}
USUAL = ("minidb", "sqlite", "duckdb", "postgres", "handwritten")
QUICK = ("minidb", "sqlite", "handwritten")


def engine_of(key: str) -> Engine:
    """Raises NotInstalled, and SystemExit for a name that is none."""
    if key not in PLACES:
        raise SystemExit(f"no engine {key!r}; there are {', '.join(PLACES)}")
    module, name = PLACES[key]
    engine: Engine = getattr(import_module(f"benchmarks.engines.{module}"), name)()
    return engine


def started(keys: Iterable[str]) -> list[Engine]:
    """The engines with these keys, without those that are not installed, which are named on stderr."""
    engines: list[Engine] = []
    for key in keys:
        try:
            engines.append(engine_of(key))
        except NotInstalled as error:
            print(f"without {key}: {error}", file=sys.stderr)
    return engines
