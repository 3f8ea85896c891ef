"""The grammar: free of conflicts, without dead rules, wide enough, and its tables are made once."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from noting import Noting

from minidb import errors
from minidb.sql import grammar_tables
from minidb.sql.actions import Actions
from minidb.sql.actions.base import BaseActions
from minidb.sql.lalr import APPEND, Constant, Machine
from minidb.sql.parser import _LEXER, _TABLES, parse, parse_script

ROOT = Path(__file__).parents[2]
GRAMMAR = (ROOT / "grammar" / "sql.lark").read_text("utf-8")
CONFORMANCE = ROOT.parent / "shared" / "conformance"
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def made() -> grammar_tables.Tables:
    """The tables made anew: Lark's strict mode raises for every conflict and for terminals that collide."""
    return grammar_tables.make(GRAMMAR, grammar_tables.GRAMMARS["sql"][1])


def test_no_conflicts_and_the_module_is_up_to_date(made: grammar_tables.Tables) -> None:
    assert made.HASH == _TABLES.HASH
    assert made.ROWS == _TABLES.ROWS
    assert made.RULES == _TABLES.RULES


def test_a_conflict_is_an_error() -> None:
    from lark.exceptions import GrammarError

    ambiguous = 'start: sum\nsum: sum "+" sum | IDENT\nIDENT: /[a-z]+/\n'
    with pytest.raises(GrammarError):
        grammar_tables.make(ambiguous, ["start"])


def test_every_action_is_used_and_exists() -> None:
    named = set(re.findall(r"->\s*(\w+)", re.sub(r"//.*", "", GRAMMAR)))
    actions = {
        name
        for klass in Actions.__mro__
        for name, value in vars(klass).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, Constant))
    }
    helpers = {"fail", "fields"}
    assert named - actions == set()
    assert actions - named - helpers == set()


def test_every_rule_is_met() -> None:
    """By the golden statements: so no rule is dead and none untested."""
    machine = Machine(_TABLES, Actions)
    machine._rules = rules = Noting(machine._rules)
    for text, _ in parse_script((HERE / "statements.sql").read_text("utf-8")):
        machine.parse(_LEXER.tokens(text), Actions(text), "statement_only")
    machine.parse(_LEXER.tokens("SELECT 1;"), Actions(""), "statement_only")
    machine.parse(_LEXER.tokens("1"), Actions(""), "expression_only")
    missing = [_TABLES.RULES[number] for number in set(range(len(rules))) - rules.met]
    assert [rule for rule in missing if rule[2] != APPEND] == []  # a third item is like the second


def test_lines_of_the_grammar_read_well() -> None:
    sections = re.findall(r"^// == .* =+$", GRAMMAR, re.MULTILINE)
    assert len(sections) >= 8
    assert "\t" not in GRAMMAR
    assert [line for line in GRAMMAR.splitlines() if len(line) > 120] == []
    arrows = [line.index(" -> ") for line in GRAMMAR.splitlines() if " -> " in line and not line.startswith("//")]
    assert min(arrows) == 71  # in one column; only what is longer passes it
    rules = re.findall(r"^!?(\w+)(?:\{\w+\})?(?:\.\d)?:", GRAMMAR, re.MULTILINE)
    assert len(rules) == len(set(rules))
    used = re.sub(r"/(?:[^/\n\\]|\\.)+/i?", "", re.sub(r"//.*", "", GRAMMAR))
    for rule in set(rules) - {"statement_only", "expression_only"}:
        assert len(re.findall(rf"\b{rule}\b", used)) > 1, f"{rule} is used nowhere"


# -- The generated module -------------------------------------------------------------------------------------


def test_lark_is_not_imported_when_the_tables_fit() -> None:
    code = (
        "import sys; from minidb.sql.parser import parse; parse('SELECT 1');"
        "print([name for name in ('lark', 'interegular') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_or_stale_module_is_made_anew(
    made: grammar_tables.Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = 'start: "A" IDENT -> pair\nIDENT: /[b-z]+/\n'
    package = tmp_path / "minidb"
    (package / "lab").mkdir(parents=True)
    (tmp_path / "grammar").mkdir()
    source = tmp_path / "grammar" / "small.lark"
    source.write_text(small, "utf-8")
    monkeypatch.setattr(grammar_tables, "_PACKAGE", package)
    monkeypatch.setitem(grammar_tables.GRAMMARS, "small", ("minidb.lab._small", ("start",)))
    first = grammar_tables.load("small")
    generated = (package / "lab" / "_small.py").read_text("utf-8")
    assert grammar_tables.fingerprint(small) == first.HASH and first.HASH in generated
    assert not list((package / "lab").glob("*.tmp"))
    source.write_text(small.replace("A", "B"), "utf-8")
    assert grammar_tables.load("small").HASH != first.HASH


def test_a_directory_that_cannot_be_written_to_is_no_error(made: grammar_tables.Tables, tmp_path: Path) -> None:
    assert not grammar_tables.write(made, tmp_path / "absent" / "_grammar.py")


def test_the_driver_runs_other_grammars() -> None:
    from minidb.sql.lexer import Lexer

    tables = grammar_tables.make(
        'start: step+ -> steps\nstep: IDENT "runs" maybe{NUMBER} -> step\nmaybe{x}: x?\n'
        "IDENT: /(?!runs\\b)[a-z]+/i\nNUMBER: /[0-9]+/\n%ignore /\\s+/\n",
        ["start"],
    )

    class Steps(BaseActions):
        def steps(self, at: int, steps: list[object]) -> list[object]:
            return steps

        def step(self, at: int, name: str, count: int | None) -> tuple[int, str, int | None]:
            return at, name, count

    lexer = Lexer(tables.TERMINALS, converters={"NUMBER": int})
    assert Machine(tables, Steps).parse(lexer.tokens("a RUNS 3 b runs"), Steps(""), "start") == [
        (0, "a", 3),
        (9, "b", None),
    ]


# -- Statements that nobody here wrote ------------------------------------------------------------------------


def records() -> Iterator[tuple[str, bool]]:
    """The statements of the sqllogictest sample that a PostgreSQL is meant to run, and whether they shall succeed."""
    for file in sorted((CONFORMANCE / "sqllogictest" / "data").rglob("*.test.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as opened:
            blocks = opened.read().replace("\r\n", "\n").split("\n\n")
        for block in blocks:
            lines = [line for line in block.strip("\n").split("\n") if not line.startswith("#")]
            while lines and lines[0].split()[:1] in (["hash-threshold"], ["halt"]):
                lines.pop(0)
            conditions = [tuple(line.split()[:2]) for line in lines if line.startswith(("skipif", "onlyif"))]
            if any((word == "skipif") == (engine == "postgresql") for word, engine in conditions):
                continue
            lines = lines[len(conditions) :]
            if lines and lines[0].startswith(("statement", "query")):
                yield "\n".join(lines[1:]).split("\n----")[0], not lines[0].startswith("statement error")


DIALECT = re.compile(
    r"\bTRIGGER\b|\bREPLACE INTO\b|\bIN \(\)|NOT INDEXED|\bNOT NULL ORDER\b|;\s*\w|^REINDEX \w+$", re.I
)


@pytest.mark.skipif(not (CONFORMANCE / "sqllogictest").is_dir(), reason="the public suite is not there")
@pytest.mark.slow
def test_sqllogictest_parses() -> None:
    count, refused = 0, []
    for text, succeeds in records():
        count += 1
        try:
            parse(text)
        except errors.SyntaxError:
            if succeeds:
                refused.append(text)
    assert count > 90_000
    assert [text for text in refused if not DIALECT.search(text)] == []
    assert len(refused) < 60


@pytest.mark.skipif(not (CONFORMANCE / "isolation").is_dir(), reason="the isolation specs are not there")
def test_isolation_specs_parse() -> None:
    refused = []
    for file in sorted((CONFORMANCE / "isolation" / "specs").iterdir()):
        text = re.sub(r"^\s*#.*$", "", file.read_text("utf-8"), flags=re.MULTILINE)
        for block in re.findall(r"\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}", text):
            for statement, _ in parse_script(block):
                try:
                    parse(statement)
                except errors.SyntaxError as error:
                    refused.append(f"{file.name}: {error}")
    assert refused == []
