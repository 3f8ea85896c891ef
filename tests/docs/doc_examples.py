"""Runs the examples of one page: its sql, python and console blocks, in order, in one session and one directory.

    ```sql                               ```python                                ```console
    SELECT a, b FROM t;                  connection.execute("...").fetchone()     $ minidb shop.mdb -c "SELECT 1"
    --  1 | NULL                                           # (1, 'x')             ...
    SELECT 1 / 0;                        ```                                      ```
    --  ERROR 22012: division by zero
    ```

A statement that shows a result (`--  `) must give exactly that, one without may give what it likes but must not fail;
the same holds for commands. Data of COPY FROM STDIN follows in the block, up to `\\.`.
A python expression followed by a comment that is a value must have that value; what a `print` with a comment prints
must be the comment. `...` stands for anything. MINIDB_UPDATE_GOLDEN=1 writes what sql blocks give into the page.
"""

from __future__ import annotations

import ast
import io
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from doc_fences import Fence, fences

import minidb
from minidb.cli import main
from minidb.sql.script import parse_script
from minidb.types import to_text

UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"
RESULT = "--  "
_DATA = re.compile(r"^(COPY [^;]*FROM STDIN[^;]*);.*?\n(.*?)^\\\.$\n?", re.MULTILINE | re.DOTALL)
_VALUE = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Call, ast.UnaryOp)


class Page:
    """A page that is being run: its database, and what its python blocks have defined."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text("utf-8")
        self.database = minidb.Database(":memory:")
        connection = self.database.connect(autocommit=True)
        self.names: dict[str, Any] = {
            "__name__": "__page__", "minidb": minidb, "db": self.database, "connection": connection,
            "cursor": connection.cursor(),
        }  # fmt: skip

    def run(self) -> None:
        """Runs all blocks. Raises AssertionError with the statement whose result is another one."""
        runners = {"sql": self.run_sql, "python": self.run_python, "console": self.run_console}
        blocks = fences(self.text)
        done = [runners.get(block.language, unchanged)(block) for block in blocks]
        if UPDATE:
            self.path.write_text(replaced(self.text, blocks, done), "utf-8")
        self.database.close()

    @property
    def connection(self) -> Any:
        """The one that sql blocks go to; a python block may put another one in its place."""
        return self.names["connection"]

    # -- SQL

    def run_sql(self, block: Fence) -> str:
        """The block as it ought to be."""
        lines: list[str] = []
        for statements, expected in examples(block.text):
            given = self.outcome(statements, fails=bool(expected) and expected[0].startswith("ERROR"))
            lines += [statements]
            if expected:
                agrees = matches(expected, given)
                assert UPDATE or agrees, difference(statements, expected, given)
                lines += [f"{RESULT}{line}" for line in (expected if agrees else given)]
        return "\n".join(lines) + "\n"

    def outcome(self, statements: str, fails: bool) -> list[str]:
        """The lines that the last of the statements gives: rows, or what its error says."""
        lines: list[str] = []
        for statement, data in with_data(statements):
            try:
                lines = self.rows(statement) if data is None else self.copied(statement, data)
            except minidb.Error as error:
                if not (fails or UPDATE):
                    raise AssertionError(f"{self.path.name}: {statement}\n{error}") from error
                lines = error_lines(error)
        return lines

    def rows(self, statement: str) -> list[str]:
        result = self.connection.session.execute(statement)  # its columns know their types as a whole
        if result.columns is None:
            return []
        kinds = [kind for _, kind in result.columns]
        rows = [row for batch in result.fetch_batches() for row in batch]
        return [" | ".join(shown(value, kind) for value, kind in zip(row, kinds)) for row in rows]

    def copied(self, statement: str, data: str) -> list[str]:
        self.connection.cursor().copy(statement, data)
        return []

    # -- Python

    def run_python(self, block: Fence) -> str:
        tree = ast.parse(block.text)
        for node, comment in zip(tree.body, comments(block.text, tree)):
            printed = io.StringIO()
            with redirect_stdout(printed):
                value = self.evaluate(node)
            if comment is None:
                continue
            if is_print(node):
                assert matches([comment], printed.getvalue().splitlines()), f"{ast.unparse(node)}: {printed.getvalue()}"
            elif isinstance(node, ast.Expr) and is_value(comment):
                assert matches([comment], [repr(value)]), f"{ast.unparse(node)}: {value!r}"
        return block.text

    def evaluate(self, node: ast.stmt) -> Any:
        name = str(self.path)
        if isinstance(node, ast.Expr):
            return eval(compile(ast.Expression(node.value), name, "eval"), self.names)
        exec(compile(ast.Module([node], []), name, "exec"), self.names)
        return None

    # -- Commands

    def run_console(self, block: Fence) -> str:
        for command, expected in transcripts(block.text):
            printed = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
            with redirect_stdout(printed), redirect_stderr(printed):
                run_command(command)
            printed.seek(0)
            given = [line.rstrip() for line in printed.read().rstrip("\n").splitlines()]
            assert not expected or matches(expected, given), difference(command, expected, given)
        return block.text


def unchanged(block: Fence) -> str:
    return block.text


def replaced(text: str, blocks: list[Fence], done: list[str]) -> str:
    """The page with other texts in its blocks."""
    for block, other in reversed(list(zip(blocks, done))):
        text = text[: block.start] + other + text[block.start + len(block.text) :]
    return text


# -- Reading examples


def examples(text: str) -> Iterator[tuple[str, list[str]]]:
    """The statements of a block up to each result, and that result."""
    statements: list[str] = []
    expected: list[str] = []
    for line in text.splitlines():
        if line.startswith(RESULT):
            expected.append(line.removeprefix(RESULT))
            continue
        if expected:
            yield "\n".join(statements), expected
            statements, expected = [], []
        statements.append(line)
    yield "\n".join(statements), expected


def with_data(text: str) -> Iterator[tuple[str, str | None]]:
    """Each statement, and the lines up to `\\.` for a COPY ... FROM STDIN that has such."""
    while data := _DATA.search(text):
        yield from ((statement, None) for statement, _ in parse_script(text[: data.start()]))
        yield data[1], data[2]
        text = text[data.end() :]
    yield from ((statement, None) for statement, _ in parse_script(text))


def transcripts(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block, and what it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *output = part.rstrip("\n").splitlines()
        yield command, [line.rstrip() for line in output]


def comments(text: str, tree: ast.Module) -> list[str | None]:
    """The comment that stands behind each top-level statement, if there is one."""
    lines = text.splitlines()
    found = []
    for node in tree.body:
        assert node.end_lineno is not None
        rest = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode().strip()
        found.append(rest.removeprefix("#").strip() if rest.startswith("#") else None)
    return found


def is_value(comment: str) -> bool:
    try:
        return isinstance(ast.parse(comment, mode="eval").body, _VALUE)
    except SyntaxError:
        return False


def is_print(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and ast.unparse(node).startswith("print(")


# -- Comparing


def shown(value: Any, kind: Any) -> str:
    return "NULL" if value is None else to_text(kind, value)


def error_lines(error: minidb.Error) -> list[str]:
    found = [f"ERROR {error.sqlstate}: {error.message}"]
    parts = (("DETAIL", error.detail), ("HINT", error.hint), ("CONTEXT", error.context))
    return found + [f"{name}: {line}" for name, text in parts if text for line in [text.replace("\n", " ")]]


def matches(expected: list[str], given: list[str]) -> bool:
    """Whether it is what was expected, where `...` stands for anything."""
    pattern = re.escape("\n".join(expected)).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, "\n".join(given), re.DOTALL) is not None


def difference(command: str, expected: list[str], given: list[str]) -> str:
    return "\n".join([command, "-- in the page:", *expected, "-- in truth:", *given])


def run_command(command: str) -> None:
    """A line of a shell: the `minidb` command, or one of those by which pages look at files."""
    words = shlex.split(command, comments=True)
    assert words[0] == "minidb", f"pages run nothing but minidb: {command}"
    main.main(words[1:])
