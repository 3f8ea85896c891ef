"""The direct serialization graph of a history, its cycles, and their names (Adya 1999; Adya, Liskov & O'Neil 2000)."""

from __future__ import annotations

from msgspec import Struct


class Dependency(Struct, frozen=True):
    """An edge of the graph: `target` stands behind `source` in every serial order.

    kind: "ww" target replaced a version of source; "wr" target read what source wrote; "rw" source read what target
        replaced, without seeing it.
    source, target: transactions' numbers in the history. predicate: through an interval that was read, not through a
        row that was found in it.
    table, index, row, interval: where; index is empty for the table's own order, interval only for reads.
    source_statement, target_statement: texts of the two statements. source_time, target_time: when, in the history.
    words: the edge as a sentence.
    """

    kind: str
    source: int
    target: int
    table: str
    row: str
    index: str = ""
    interval: str = ""
    predicate: bool = False
    source_statement: str = ""
    target_statement: str = ""
    source_time: int = 0
    target_time: int = 0
    words: str = ""


class Graph(Struct, frozen=True):
    """The committed transactions of a history, and all edges between them."""

    names: dict[int, str]  # what each transaction is called: its session, with a number where it had several
    edges: tuple[Dependency, ...]


class Anomaly(Struct, frozen=True):
    """What went wrong. code: Adya's name (G0, G1a, G1b, G1c, G-single, G2-item, G2). name: the common one (dirty write,
    aborted read, intermediate read, circular information flow, lost update, read skew, write skew, phantom ...).
    cycle: its edges in order, empty for G1a and G1b; then `words` says what was read."""

    code: str
    name: str
    cycle: tuple[Dependency, ...] = ()
    words: str = ""
