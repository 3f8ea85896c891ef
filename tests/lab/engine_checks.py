"""What the tests of all engines share: golden files, and a server that is started once or says why not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from difflib import unified_diff
from importlib.util import find_spec
from pathlib import Path

import pytest

from minidb.errors import Error
from minidb.lab import tester
from minidb.lab.engines.choose import open_engine
from minidb.lab.engines.protocol import Client, Engine
from minidb.lab.engines.servers import Server
from minidb.lab.run import Answer
from minidb.lab.schedule import Schedule
from minidb.lab.schedule_text import parse

HERE = Path(__file__).parent / "engines"
UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"
DOCUMENT = Path(__file__).parents[2] / "docs" / "isolation.md"


def check(path: Path, text: str) -> None:
    """Compares with a golden file, or writes it."""
    if UPDATE:
        path.write_text(text, encoding="utf-8")
    golden = path.read_text(encoding="utf-8")
    difference = "\n".join(unified_diff(golden.split("\n"), text.split("\n"), "golden", "now", lineterm=""))
    assert text == golden, f"{path.name}: MINIDB_UPDATE_GOLDEN=1 accepts this\n{difference}"


def schedule(name: str) -> Schedule:
    return parse((HERE / f"{name}.spec").read_text(encoding="utf-8"), name)


def transcript(url: str, name: str, level: str | None = None) -> str:
    """What `minidb schedule` prints."""
    with closing(open_engine(url)) as engine:
        return printed(engine, schedule(name), level, defer=True)


def printed(engine: Engine, asked: Schedule, level: str | None = None, defer: bool = False) -> str:
    lines: list[str] = []
    tester.Tester(asked, engine, lines.append, lines.append, level, defer).run()
    return "".join(f"{line}\n" for line in lines)


def running(server: type[Server], driver: str) -> Iterator[Server]:
    """The body of a fixture: a server, or a skip that says why there is none."""
    if find_spec(driver) is None:
        pytest.skip(f"the driver {driver} is not installed")
    if missing := server.missing():
        pytest.skip(f"not installed: {', '.join(missing)}")
    with server() as started:
        yield started


def documented(title: str) -> list[str]:
    """The table of docs/isolation.md below the heading that begins with `title`."""
    lines = DOCUMENT.read_text(encoding="utf-8").split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith(f"### {title}") and title in line)
    table = lines[start + 2 :]
    return table[: next(i for i, line in enumerate(table) if not line.startswith("|"))]


def did(client: Client, sql: str) -> Sequence[Answer]:
    """Runs statements that need not wait."""
    client.start(sql)
    assert not client.busy, f"{sql} waits for {client.words}"
    return client.take()


def values(engine: Engine, sql: str) -> list[object]:
    return [row[0] for row in engine.run(sql)[-1].rows]


def failures(answers: Sequence[Answer]) -> list[Error]:
    return [answer.error for answer in answers if answer.error is not None]
