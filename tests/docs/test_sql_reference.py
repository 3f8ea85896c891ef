"""The reference against the grammar, the settings and the functions: nothing is refused, and nothing is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from doc_examples import UPDATE
from doc_fences import PAGES, ROOT, fences, page_name
from function_page import page
from noting import Noting
from syntax_notation import Node, definitions, sentences

import minidb
from minidb import errors
from minidb.sql.actions import Actions
from minidb.sql.lalr import APPEND, Machine, Unexpected
from minidb.sql.parser import _LEXER, _TABLES

ENTRY = ROOT / "docs" / "sql.md"
CHAPTERS = [ENTRY, *sorted((ROOT / "docs" / "sql").glob("*.md"))]
GRAMMAR = (ROOT / "grammar" / "sql.lark").read_text("utf-8")
ATOMS = {
    "name": ["n", '"N"'], "table": ["t", "public.t"], "column": ["c"], "index": ["i"], "cursor": ["k"],
    "savepoint": ["s"], "constraint": ["x"], "collation": ['"C"'], "method": ["btree"],
    "type_name": ["int", "pg_catalog.int4"], "setting_name": ["work_mem", "minidb.keep_versions"],
    "number": ["1", "1.5"], "integer": ["2"],
    "parameter": ["?", "$1", ":n"],
}  # fmt: skip

PARENTHESES = """
    SELECT 1;
    ((SELECT 1))
    (SELECT 1) LIMIT 1
    WITH w AS (SELECT 1) (SELECT 1)
    (SELECT 1) UNION SELECT 2
    (SELECT 1) INTERSECT SELECT 2
    SELECT 1 INTERSECT (SELECT 2)
    SELECT ((SELECT 1) UNION SELECT 2)
    SELECT ((SELECT 1) INTERSECT SELECT 2)
    SELECT ((SELECT 1 UNION SELECT 2) UNION SELECT 3)
    SELECT ((SELECT 1) LIMIT 1)
    SELECT (WITH w AS (SELECT 1) SELECT 2)
    SELECT ((SELECT 1) UNION SELECT 2 UNION SELECT 3)
    SELECT (SELECT 1 UNION SELECT 2 UNION SELECT 3)
    SELECT (SELECT 1 INTERSECT SELECT 2 INTERSECT SELECT 3)
    SELECT (SELECT 1 INTERSECT SELECT 2 UNION SELECT 3)
"""
"""For the reference a query in parentheses is a select; for an LALR grammar it is several things, each with a rule."""


def reference() -> dict[str, Node]:
    """All definitions of the reference."""
    found: dict[str, Node] = {}
    for chapter in CHAPTERS:
        for block in fences(chapter.read_text("utf-8")):
            if block.language == "syntax":
                new = definitions(block.text)
                assert not new.keys() & found.keys(), f"{chapter.name}: {new.keys() & found.keys()} twice"
                found |= new
    return found


@pytest.fixture(scope="module")
def tried() -> tuple[set[int], list[str]]:
    """The rules of the grammar that sentences of the reference have met, and the sentences that were refused."""
    machine = Machine(_TABLES, Actions)
    machine._rules = rules = Noting(machine._rules)
    refused = []
    for name, text in sentences(reference(), ATOMS, "statement"):
        try:
            machine.parse(_LEXER.tokens(text), Actions(text), "statement_only")
        except Unexpected as error:
            refused.append(f"{name}: {text}\n    at: {text[error.token[3] :]}")
        except errors.Error:
            pass  # it fits, and contradicts itself: an option twice, or of another statement
    for text in PARENTHESES.strip().splitlines():
        machine.parse(_LEXER.tokens(text), Actions(text), "statement_only")
    machine.parse(_LEXER.tokens("1"), Actions("1"), "expression_only")
    return rules.met, refused


def test_what_the_reference_says_is_accepted(tried: tuple[set[int], list[str]]) -> None:
    assert "\n".join(tried[1]) == ""


def test_what_is_accepted_is_in_the_reference(tried: tuple[set[int], list[str]]) -> None:
    missing = [number for number, rule in enumerate(_TABLES.RULES) if number not in tried[0] and rule[2] != APPEND]
    assert not missing, "\n".join(in_words(missing))


def in_words(numbers: list[int]) -> list[str]:
    """Rules of the grammar; what is generated knows only their numbers, so Lark has to be asked."""
    from lark import Lark

    rules = Lark(GRAMMAR, parser="lalr", start=["statement_only", "expression_only"], maybe_placeholders=False).rules
    return [str(rules[number]) for number in numbers]


def test_every_definition_is_part_of_a_statement() -> None:
    known = reference()
    used = {name for name, _ in sentences(known, ATOMS, "statement")}
    assert known.keys() - used == set()
    assert ATOMS.keys() - used == set()


def test_statements_have_the_names_of_their_rules() -> None:
    rules = re.findall(r"^(?:statement|preparable): (.*(?:\n +\|.*)*)", GRAMMAR, re.MULTILINE)
    names = set(re.findall(r"\w+", " ".join(rules))) - {"preparable"}
    assert names - reference().keys() == set()


def test_the_entry_leads_to_every_chapter() -> None:
    text = ENTRY.read_text("utf-8")
    missing = [chapter.name for chapter in CHAPTERS[1:] if f"sql/{chapter.name}" not in text]
    assert missing == []


def test_every_function_is_in_the_reference() -> None:
    """MINIDB_UPDATE_GOLDEN=1 writes the page."""
    path = ROOT / "docs" / "sql" / "functions.md"
    if UPDATE:
        path.write_text(page(), "utf-8")
    assert path.read_text("utf-8") == page(), "MINIDB_UPDATE_GOLDEN=1 writes docs/sql/functions.md anew"


def test_every_setting_is_in_the_reference() -> None:
    """With what SHOW says in a new session."""
    table = re.findall(r"^\| (`.*?`) \| (.*?) \|", section("Settings"), re.MULTILINE)
    told = {name: default.strip("`") for names, default in table for name in re.findall(r"`([\w.]+)`", names)}
    with minidb.connect(":memory:") as connection:
        rows = connection.execute("SHOW ALL").fetchall()
    known = {row[0]: row[1] for row in rows}
    assert told.keys() == known.keys()
    assert {name: default for name, default in told.items() if known[name] != default} == {}


def section(heading: str) -> str:
    """A section of the entry, by its heading."""
    return ENTRY.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]


LINK = re.compile(r"\]\(([^)#:\s]*)(#[^)\s]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)):
        goal = (page.parent / target).resolve() if target else page
        assert goal.exists(), f"{page.name}: {target}"
        if anchor and goal.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", goal.read_text("utf-8"), re.MULTILINE)
            assert anchor[1:] in [anchor_of(heading) for heading in headings], f"{page.name}: {target}{anchor}"


def anchor_of(heading: str) -> str:
    """How GitHub calls the place of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
