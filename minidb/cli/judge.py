"""`minidb judge FILE`: looks for anomalies in a history of lists, such as `minidb fuzz --save` writes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from minidb.cli.demo import as_level
from minidb.cli.main import FAILED
from minidb.cli.pages import painter_for, show
from minidb.errors import OperationalError
from minidb.lab.judge import judge, load
from minidb.lab.judge.report import verdict_lines


def main(argv: Sequence[str]) -> int:
    """Runs `minidb judge` with these arguments; the exit status is 1 if something forbidden was found."""
    options = parser().parse_args(list(argv))
    painter = painter_for(options)
    bad = False
    for name in options.files:
        verdict = judge(load(content(name), options.isolation), realtime=options.realtime)
        first, *others = verdict_lines(verdict, painter)
        show((f"{name}: {first}", *others))
        bad = bad or not verdict.clean
    return FAILED if bad else 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb judge",
        description="Looks for anomalies in histories of lists (JSON as of elle-cli, model list-append).",
    )
    made.add_argument("files", nargs="+", metavar="FILE", help="a history; - is standard input")
    made.add_argument("--isolation", metavar="LEVEL", type=as_level,
                      help="what transactions that name no level were to keep (default: serializable)")
    made.add_argument("--no-realtime", dest="realtime", action="store_false",
                      help="allow transactions to stand before others that ended before they began")
    made.add_argument("--no-color", dest="colour", action="store_false", help="no colours, even on a terminal")
    return made


def content(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise OperationalError(f"cannot read {name}: {error.strerror}") from None
