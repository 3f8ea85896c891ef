"""Backups and change feeds of a connection; apart from it, because few programs need them, and loading takes time."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from minidb import changes as feeds
from minidb.backup import backup as backup_to_file
from minidb.backup import backup_into
from minidb.dbapi.connection import Connection
from minidb.dbapi.database import Database
from minidb.errors import InterfaceError
from minidb.storage.file import OSFileSystem

Progress = Callable[[str, int, int], object]


def backup(source: Any, target: object, pages: int, progress: Progress | None, sleep: float) -> int:
    if isinstance(target, Connection):
        return backup_into(source, target.session.database, progress=progress)
    if isinstance(target, Database):
        with target.connect() as connection:
            return backup_into(source, connection.session.database, progress=progress)
    if not isinstance(target, str | os.PathLike):
        kind = type(target).__name__
        raise InterfaceError(f"the target of a backup is a path, a connection or a database, not {kind}")
    name = os.fspath(target)
    if not isinstance(name, str):
        raise InterfaceError(f"a path is a str, not {type(name).__name__}")
    return backup_to_file(source, name, pages=pages, progress=progress, sleep=sleep, fs=OSFileSystem())


def changes(source: Any, since: int | None, slot: str | None, follow: bool) -> feeds.Feed:
    return feeds.feed_of(source, since=since, slot=slot, follow=follow)
