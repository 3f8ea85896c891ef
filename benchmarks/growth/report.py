"""The tables and charts of growth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.charts import Series, line_chart
from benchmarks.document import write_chart
from benchmarks.growth.crowding import Points
from benchmarks.growth.model import tried
from benchmarks.growth.sizes import Sized

ROWS = "rows in the table"
Chart = Callable[[str, str], str]  # its name and its SVG to the line that shows it


def charts_of(document: Path | None) -> Chart:
    """What keeps a chart beside the document; nothing, without one."""
    return lambda name, svg: write_chart(document, name, svg) if document else f"(chart: {name})"


def costs_of(sized: Sequence[Sized]) -> dict[str, dict[int, float]]:
    """Name -> rows -> microseconds."""
    return {name: {one.rows: one.micros[name] for one in sized} for name in sized[0].micros}


def shape_of(name: str) -> str:
    return "rows" if name.startswith("scan") else "log2(rows)"


def sizes(sized: Sequence[Sized], cache_bytes: int, chart: Chart) -> Iterator[str]:
    words = "Microseconds of one operation; seconds of processor for the load."
    yield from ["### With the number of rows", "", words, ""]
    yield from costs_table(sized)
    lines = [Series(name, sorted(costs.items())) for name, costs in costs_of(sized).items()]
    yield from ["", chart("growth-rows", line_chart("Microseconds of one operation", ROWS, "us", lines)), ""]
    yield from ["What the trees of the accounts take, decoded, and pages that one operation did not find cached.", ""]
    yield from table(["rows", "MiB of leaves", "of inner nodes", *sized[0].misses], [
        [f"{one.rows:,}", *(f"{mebibytes(one, part):,.1f}" for part in ("leaf_bytes", "inner_bytes")),
         *(f"{missed:,.1f}" for missed in one.misses.values())] for one in sized
    ])
    yield ""
    yield from predictions(sized, cache_bytes)
    yield from changes(sized, chart)


def cached(sized: Sequence[Sized], cache_bytes: int) -> Iterator[str]:
    """The same with a cache that holds everything."""
    yield from ["### With everything cached", "", f"Page cache of {cache_bytes >> 20:,} MiB.", ""]
    yield from costs_table(sized)
    yield ""
    yield from predictions(sized, cache_bytes)


def costs_table(sized: Sequence[Sized]) -> Iterator[str]:
    names = list(sized[0].micros)
    yield from table(["rows", *names, "load, seconds"], [
        [f"{one.rows:,}", *(f"{one.micros[name]:,.1f}" for name in names), f"{one.load_seconds:,.1f}"] for one in sized
    ])


def mebibytes(one: Sized, part: str) -> float:
    return float(sum(getattr(tree, part) for tree in one.trees.values())) / (1 << 20)


def predictions(sized: Sequence[Sized], cache_bytes: int) -> Iterator[str]:
    if len(sized) < 3:
        return
    yield from ["Foretold by a model fitted to all sizes but the largest:", ""]
    trees = {one.rows: one.trees for one in sized}
    cells = []
    for name, costs in costs_of(sized).items():
        trial = tried(shape_of(name), name, costs, trees, cache_bytes)
        known = trial.foretold is not None
        cells.append([
            name, str(trial.model), f"{trial.rows:,}", f"{trial.misses:,.1f}",
            f"{trial.foretold:,.1f}" if known else "-", f"{trial.measured:,.1f}",
            f"{trial.foretold / trial.measured:.2f}" if trial.foretold is not None else "-",
        ])
    head = ["operation", "microseconds", "at rows", "misses", "foretold", "measured", "foretold / measured"]
    yield from table(head, cells)
    yield ""


def changes(sized: Sequence[Sized], chart: Chart) -> Iterator[str]:
    yield from ["### With what was changed", "", "Rows all over the table, changed in one transaction.", ""]
    counts = list(sized[-1].folded)
    cells = []
    for one in sized:
        for count in (count for count in counts if count in one.folded):
            written, seconds = one.folded[count]
            numbers = (one.rows, count, one.logged[count], written)
            cells.append([*(f"{number:,}" for number in numbers), f"{seconds * 1000:,.1f}"])
    head = ["rows", "changed", "bytes of the commit in the log", "bytes written by the checkpoint", "its ms"]
    yield from table(head, cells)
    lines = [Series(f"{one.rows:,} rows", [(k, float(v[0])) for k, v in one.folded.items()]) for one in sized]
    lines.append(Series("commit, log", [(k, float(v)) for k, v in sized[-1].logged.items()], dashed=True))
    svg = line_chart("Bytes written by a checkpoint", "rows changed", "bytes", lines)
    yield from ["", chart("growth-changes", svg), ""]


def points(title: str, words: str, across: str, up: str, found: Points, chart: Chart, name: str) -> Iterator[str]:
    yield from [f"### {title}", "", words, ""]
    places = [x for x, _ in next(iter(found.values()))]
    rows = [[f"{x:,.0f}", *(f"{line[n][1]:,.1f}" for line in found.values())] for n, x in enumerate(places)]
    yield from table([across, *found], rows)
    lines = [Series(label, line) for label, line in found.items()]
    yield from ["", chart(name, line_chart(title, across, up, lines)), ""]


def levels(found: dict[str, dict[str, tuple[float, float]]]) -> Iterator[str]:
    yield from ["### What serializability costs", "", "Microseconds of one transaction of one session.", ""]
    cells = []
    for name, pairs in found.items():
        (ssi, snapshot), (two_phase, committed) = pairs.values()
        cells.append([name, f"{snapshot:,.1f}", f"{ssi:,.1f}", f"{ssi / snapshot:.2f}", f"{committed:,.1f}",
                      f"{two_phase:,.1f}", f"{two_phase / committed:.2f}"])
    head = ["work", "SNAPSHOT", "SSI", "SSI / SNAPSHOT", "READ COMMITTED", "2PL", "2PL / READ COMMITTED"]
    yield from table(head, cells)
    yield ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
