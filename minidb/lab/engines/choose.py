"""From what a person writes behind `--engine` to the engine. Drivers are loaded only when they are asked for.

    minidb                              a database of minidb, in a temporary file
    sqlite, sqlite?journal_mode=wal     a temporary file
    duckdb                              in memory
    postgresql://user@host/database     a server; everything happens in a schema that goes with the engine
    mysql://user@host                   a server, MySQL or MariaDB; in a database that goes with the engine
"""

from __future__ import annotations

from importlib import import_module
from urllib.parse import parse_qs, urlsplit

from minidb.errors import InvalidParameterValue, NotSupportedError
from minidb.lab.engines.protocol import Engine

MODULES = {
    "minidb": ("minidb.lab.engines.own", "OwnEngine", ""),
    "sqlite": ("minidb.lab.engines.sqlite", "SQLiteEngine", ""),
    "duckdb": ("minidb.lab.engines.duckdb", "DuckDBEngine", "duckdb"),
    "postgresql": ("minidb.lab.engines.postgres", "PostgresEngine", "postgres"),
    "postgres": ("minidb.lab.engines.postgres", "PostgresEngine", "postgres"),
    "mysql": ("minidb.lab.engines.mysql", "MySQLEngine", "mysql"),
    "mariadb": ("minidb.lab.engines.mysql", "MySQLEngine", "mysql"),
}
SERVERS = ("postgresql", "postgres", "mysql", "mariadb")
KNOWN = "There is minidb, sqlite, sqlite?journal_mode=wal, duckdb, postgresql://... and mysql://..."


def open_engine(url: str) -> Engine:
    """The engine that `url` names. Raises InvalidParameterValue (22023) for a name that nobody has, NotSupportedError
    (0A000) if the driver is not installed, and OperationalError if the server cannot be reached."""
    parts = urlsplit(url)
    name = parts.scheme or parts.path
    if name not in MODULES:
        raise InvalidParameterValue(f"unknown engine: {url!r}", hint=KNOWN)
    if name in SERVERS:
        if not parts.scheme:
            raise InvalidParameterValue(f"{name} needs an address", hint=f"For example {name}://user@localhost/test.")
        return made(name, url)
    return made(name, **{option: values[-1] for option, values in parse_qs(parts.query).items()})


def made(name: str, *arguments: str, **options: str) -> Engine:
    module, maker, extra = MODULES[name]
    try:
        create = getattr(import_module(module), maker)
    except ModuleNotFoundError as error:
        if not extra:
            raise
        hint = f"Install the extra '{extra}', for example in a checkout: pip install '.[{extra}]'"
        raise NotSupportedError(f"the driver for {name} is not installed: {error.name}", hint=hint) from None
    try:
        engine: Engine = create(*arguments, **options)
    except TypeError:
        raise InvalidParameterValue(f"{name} has no option {', '.join(options)}", hint=KNOWN) from None
    return engine
