"""Measures which anomalies happen at which level of which engine, and writes it into docs/isolation.md.

    python benchmarks/isolation.py --write docs/isolation.md

PostgreSQL and MariaDB are started for that, in temporary directories, and must be installed, as must the drivers
(`pip install '.[postgres,mysql,duckdb]'`). Without --write the tables are printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path

from minidb import __version__
from minidb.errors import Error
from minidb.lab.engines.choose import open_engine
from minidb.lab.engines.servers import MariaDBServer, PostgresServer
from minidb.lab.measured import engine_table, own_table, placed
from minidb.lab.theatre import Theatre


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", metavar="FILE", type=Path, help="replace the tables in this document")
    options = parser.parse_args()
    try:
        own, others = list(computed()), list(measured())
    except Error as error:
        print(error, file=sys.stderr)
        return 1
    if options.write is None:
        print("\n".join([*own, "", *others]))
        return 0
    text = options.write.read_text(encoding="utf-8")
    options.write.write_text(placed(placed(text, "minidb", own), "other engines", others), encoding="utf-8")
    return 0


def computed() -> Iterator[str]:
    with Theatre() as theatre:
        yield from own_table(theatre)


def measured() -> Iterator[str]:
    yield f"Measured on {date.today():%d %B %Y} with minidb {__version__}."
    with ExitStack() as stack:
        urls = [stack.enter_context(PostgresServer()).url, stack.enter_context(MariaDBServer()).url]
        for url in [*urls, "sqlite", "sqlite?journal_mode=wal", "duckdb"]:
            print("measuring", url.partition("?host")[0], file=sys.stderr)
            with closing(open_engine(url)) as engine:
                yield from ["", f"### {title(engine.name, engine.version)}", "", *engine_table(engine)]


def title(name: str, version: str) -> str:
    if not name.startswith("sqlite"):
        return version
    return f"{version}, {'write-ahead log' if name.endswith('wal') else 'rollback journal'}"


if __name__ == "__main__":
    sys.exit(main())
