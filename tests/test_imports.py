"""The house rules for imports: they point down, close no circle, and the start loads nothing that it does not need.

The table says which parts of minidb each part may import; a part is a package or a module at the top. Imports
inside of functions count, those for type checkers only do not.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "minidb"
GROUND = {"history", "footprint", "errors", "types", "schema", "isolation", "keys", "settings", "documents"}
GROUND |= {"latches", "garbage", "json_syntax", "jsonpath", "zoned", "row_texts"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "latches": set(),
    "isolation": {"errors"},
    "settings": {"errors", "isolation", "types"},
    "zoned": {"errors", "types"},
    "json_syntax": {"errors"},
    "documents": {"errors", "json_syntax"},
    "jsonpath": {"errors", "documents"},
    "types": {"errors", "documents", "jsonpath"},
    "keys": GROUND,
    "schema": {"types"},
    "row_texts": {"keys", "schema", "types"},
    "history": set(),
    "footprint": {"history"},
    "storage": GROUND,
    "access": GROUND | {"storage"},
    "txn": GROUND | {"storage", "access"},
    "sql": GROUND | {"txn.door", "storage.scratch_file"},
    "parameters": GROUND,
    "statement_cache": GROUND | {"sql", "txn", "parameters"},
    "garbage": set(),
    "bulk_inserts": GROUND | {"sql", "txn", "parameters", "statement_cache"},
    "schema_functions": GROUND | {"sql", "txn.door"},
    "results": GROUND,
    "time_travel": GROUND | {"sql", "txn", "results", "statements", "statement_cache"},
    "prepared_statements": GROUND | {"sql", "results", "statement_cache"},
    "cursors": GROUND | {"sql", "results", "statement_cache"},
    "copying": GROUND | {"sql", "txn", "results", "statement_cache", "session"},
    "statements": GROUND
    | {"sql", "txn", "results", "statement_cache", "copying", "cursors", "prepared_statements", "time_travel"}
    | {"setting_changes"},
    "setting_changes": set(),
    "dumping": GROUND | {"sql", "copying"},
    "importing": GROUND | {"sql", "copying"},
    "translation": GROUND | {"sql", "results", "statements"},
    "idle": {"errors"},
    "session": GROUND
    | {"bulk_inserts", "context", "idle", "parameters", "setting_changes", "sql", "txn", "results", "statements"}
    | {"statement_cache", "translation"},
    "context": GROUND | {"sql", "statements", "statement_cache"},
    "inside": GROUND | {"storage", "access", "txn", "sql"},
    "database": GROUND
    | {"storage", "access", "txn", "sql", "session", "inside", "schema_functions", "statement_cache"},
    "changes": GROUND | {"storage", "access", "txn"},
    "backup": GROUND | {"storage", "access", "txn", "database"},
    "constraint_audit": GROUND | {"sql"},
    "salvage": GROUND | {"storage", "access", "txn", "database", "changes", "constraint_audit"},
    "workbench": GROUND | {"database", "session", "txn"},
    "dbapi": GROUND
    | {"changes", "backup", "storage.file", "dumping.dump"}
    | {"database", "session", "sql.script", "copying", "parameters"},
    "lab": GROUND
    | {"workbench", "database", "session", "dbapi"}
    | {"sql.script", "sql.grammar_tables", "sql.lalr", "sql.lexer", "sql.suggest", "sql.dialects.outwards"},
    "cli": GROUND
    | {"copying", "dumping", "importing", "database", "session", "dbapi", "lab", "sql.script", "sql.parser", ""}
    | {"backup", "changes", "salvage", "constraint_audit", "txn.verify"},
    "__main__": {"cli"},
    "": GROUND | {"dbapi", "lab"},
}
DIALECTS = """clauses definitions functions names outwards reading rewriting stars translator truth upserts writing"""
ONLY_IN = {
    "lark": {"sql.grammar_tables", "lab.schedule_grammar"},
    "sqlglot": {*(f"sql.dialects.{name}" for name in DIALECTS.split()), "lab.engines.translate"},
    "psycopg": {"lab.engines.postgres"},
    "pymysql": {"lab.engines.mysql"},
    "duckdb": {"lab.engines.duckdb"},
    "prompt_toolkit": {"cli.interactive"},
}
NOT_AT_THE_START = """lark sqlglot prompt_toolkit rich inspect dataclasses asyncio argparse unittest email http socket
    ssl subprocess tempfile shutil secrets hashlib sqlite3 interegular hypothesis minidb.cli minidb.lab numpy
    minidb.sql.vectors minidb.access.column_pages minidb.inside.views"""


def module_name(file: Path) -> str:
    parts = list(file.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py")) if file.name != "_grammar.py"}


def part_of(module: str) -> str:
    return module.split(".")[0]


def imported(module: str, *, lazy: bool = True) -> Iterator[str]:
    """Full names that a module imports. `lazy`: also those inside of functions."""
    tree = syntax(module)
    package = MODULES[module].name == "__init__.py"
    for node in nodes(tree, lazy):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ["minidb", *filter(None, module.split("."))]
                above = above[: len(above) - node.level + package]
                base = ".".join([*above, *filter(None, [node.module])])
            yield from (submodule(base, alias.name) for alias in node.names)


@cache
def syntax(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def submodule(base: str, name: str) -> str:
    return f"{base}.{name}" if f"{base}.{name}".removeprefix("minidb.") in MODULES else base


def nodes(tree: ast.AST, lazy: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from (inner for child in node.orelse for inner in nodes(child, lazy))
            continue
        yield node
        if lazy or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from nodes(node, lazy)


def own_imports(module: str, *, lazy: bool = True) -> set[str]:
    """Modules of minidb that a module imports, without the package's name; '' is the package itself."""
    own = {name for name in imported(module, lazy=lazy) if name == "minidb" or name.startswith("minidb.")}
    return {name.removeprefix("minidb").removeprefix(".") for name in own}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    part = part_of(module)
    assert part in MAY_IMPORT, f"{part} is new: it needs a line in MAY_IMPORT"
    allowed = MAY_IMPORT[part]
    for name in own_imports(module):
        if part_of(name) != part or part == "":
            assert part_of(name) in allowed or name in allowed, f"{module or 'minidb'} must not know {name or 'minidb'}"


def test_imports_close_no_circle() -> None:
    graph = {module: own_imports(module, lazy=False) & MODULES.keys() for module in MODULES}
    finished: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in finished:
            for below in sorted(graph[module]):
                visit(below, (*path, module))
            finished.add(module)

    for module in sorted(graph):
        visit(module, ())


@pytest.mark.parametrize("module", sorted(MODULES))
def test_heavy_packages_have_one_door_each(module: str) -> None:
    for name in imported(module):
        doors = ONLY_IN.get(name.split(".")[0])
        assert doors is None or module in doors, f"{module} must not import {name}"


FIRST_QUERY = """
import json, sys
sys.modules["typing_extensions"] = None  # mypy brings it; msgspec would take it, and inspect with it
import minidb
connection = minidb.connect(sys.argv[1])
connection.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
connection.execute("INSERT INTO t VALUES (?, ?)", (1, "a"))
assert connection.execute("SELECT name FROM t WHERE id = 1").fetchall() == [("a",)]
connection.commit()
connection.close()
print(json.dumps(sorted(sys.modules)))
"""


def test_the_start_loads_nothing_needless(tmp_path: Path) -> None:
    script = [sys.executable, "-c", FIRST_QUERY, str(tmp_path / "shop.mdb")]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert loaded & set(NOT_AT_THE_START.split()) == set()
