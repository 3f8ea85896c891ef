"""The parser, its errors, and the printer.

`statements.sql` holds every statement and clause; `statements.golden` what the printer makes of each, and
`syntax_errors.golden` what is said about wrong ones. Regenerate both with MINIDB_UPDATE_GOLDEN=1 and read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidb import errors
from minidb.sql import ast
from minidb.sql.parser import (
    MAX_DEPTH,
    is_complete,
    keywords,
    parse,
    parse_expression,
    parse_script,
    reserved_words,
)
from minidb.sql.printer import to_sql

HERE = Path(__file__).parent
STATEMENTS = [text for text, _ in parse_script((HERE / "statements.sql").read_text("utf-8"))]


def check_golden(name: str, produced: str) -> None:
    file = HERE / name
    if os.environ.get("MINIDB_UPDATE_GOLDEN"):
        file.write_text(produced, "utf-8")
    assert produced == file.read_text("utf-8")


def expression(text: str) -> ast.Expression:
    """The tree of an expression without places, as text with all parentheses: easier to read than nodes."""
    return parse_expression(text)


def grouped(node: ast.Node) -> str:
    """How the operators of an expression hold together."""
    match node:
        case ast.BinaryOp(operator, left, right):
            return f"({grouped(left)} {operator} {grouped(right)})"
        case ast.UnaryOp(operator, operand):
            return f"({operator}{grouped(operand)})"
        case ast.And(operands):
            return f"({' and '.join(map(grouped, operands))})"
        case ast.Or(operands):
            return f"({' or '.join(map(grouped, operands))})"
        case ast.Not(operand):
            return f"(not {grouped(operand)})"
        case ast.Is(operand, test, negated):
            return f"({grouped(operand)} is {'not ' if negated else ''}{test})"
        case ast.Between(operand, low, high):
            return f"({grouped(operand)} between {grouped(low)}, {grouped(high)})"
        case ast.Like(_, operand, pattern):
            return f"({grouped(operand)} like {grouped(pattern)})"
        case ast.Cast(operand, to):
            return f"({grouped(operand)}::{to.name})"
        case ast.Collate(operand, _):
            return f"({grouped(operand)} collate)"
        case ast.FunctionCall(("timezone",), (zone, operand)):
            return f"({grouped(operand)} at {grouped(zone)})"
        case ast.Subscript(operand, index):
            return f"({grouped(operand)}[{grouped(index)}])"
    return to_sql(node)


# -- Trees ----------------------------------------------------------------------------------------------------


def test_golden_statements() -> None:
    check_golden("statements.golden", "".join(f"{text};\n    {to_sql(parse(text))};\n\n" for text in STATEMENTS))


@pytest.mark.parametrize("text", STATEMENTS)
def test_round_trip(text: str) -> None:
    tree = parse(text)
    printed = to_sql(tree)
    assert ast.same(parse(printed), tree), printed
    assert to_sql(parse(printed)) == printed


def test_every_node_is_met() -> None:
    met = {type(node) for text in STATEMENTS for node in ast.walk(parse(text))}
    nodes = {value for value in vars(ast).values() if isinstance(value, type) and issubclass(value, ast.Node)}
    abstract = {ast.Node, ast.Statement, ast.Expression, ast.FromItem, ast.QueryBody, ast.Constraint, ast.AlterAction}
    assert nodes - met - abstract == {ast.Lifted}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a or b and not c or d", "(a or (b and (not c)) or d)"),
        ("not a = b", "(not (a = b))"),
        ("a = b is null", "((a = b) is null)"),
        ("a < b + 1 and c", "((a < (b + 1)) and c)"),
        ("a = b between 1 and 2", "(a = (b between 1, 2))"),
        ("a between b and c and d", "((a between b, c) and d)"),
        ("a || b like c || d", "((a || b) like (c || d))"),
        ("a || b + c", "(a || (b + c))"),
        ("a -> 'b' ->> 'c' = d", "(((a -> 'b') ->> 'c') = d)"),
        ("a - b - c * d / e", "((a - b) - ((c * d) / e))"),
        ("-a ^ b ^ c", "(((-a) ^ b) ^ c)"),
        ("a * b ^ c", "(a * (b ^ c))"),
        ("-a::int", "(-(a::int))"),
        ("-a[1]::int", "(-((a[1])::int))"),
        ("a || b at time zone c", "(a || (b at c))"),
        ("a at time zone b collate x", "(a at (b collate))"),
        ("-a collate x", "((-a) collate)"),
        ("~ a & b", "((~a) & b)"),
        ("~ a + b", "(~(a + b))"),
        ("a + -b", "(a + (-b))"),
        ("a ? b || c", "((a ? b) || c)"),
        ("? || ?", "($1 || $2)"),
        ("x ~ 'a' and y !~* 'b'", "((x ~ 'a') and (y !~* 'b'))"),
        ("2 + 3 = 5 and 'a' || 'b' = 'ab'", "(((2 + 3) = 5) and (('a' || 'b') = 'ab'))"),
    ],
)
def test_precedence(text: str, expected: str) -> None:
    assert grouped(expression(text)) == expected


def test_and_is_flat_through_parentheses() -> None:
    tree = expression("(a and b) and (c and d) and e")
    assert isinstance(tree, ast.And) and len(tree.operands) == 5


def test_names_fold_unless_quoted() -> None:
    assert expression("Tab.Col") == ast.ColumnRef(("tab", "col"), at=0)
    assert expression('"Tab"."c""d"') == ast.ColumnRef(("Tab", 'c"d'), at=0)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        ("'a\\n'", "a\\n"),
        (r"E'a\n\t\\\'\x41\101\u00e9\U0001F600\q'", "a\n\t\\'AAé😀q"),
        ("$$it's$$", "it's"),
        ("$q$a$$b$q$", "a$$b"),
        ("''", ""),
    ],
)
def test_strings(text: str, value: str) -> None:
    assert expression(text) == ast.StringLiteral(value, at=0)


@pytest.mark.parametrize(
    ("text", "integer"),
    [("1", True), ("1_000", True), ("0x1F", True), ("1.", False), (".5", False), ("1.5", False), ("1e3", False)],
)
def test_numbers_keep_their_spelling(text: str, integer: bool) -> None:
    tree = expression(text)
    assert tree == ast.NumberLiteral(text, at=0)
    assert isinstance(tree, ast.NumberLiteral) and tree.is_integer is integer


def test_comments_nest() -> None:
    assert parse("SELECT /* a /* b */ ; ' */ 1 -- c ; '\n") == parse("SELECT" + " " * 21 + "1")


def test_parameters_are_numbered_in_order_of_the_text() -> None:
    tree = parse("SELECT ? FROM t WHERE a ? ? AND b IN (?, ?) LIMIT ?")
    places = {node.index: node.at for node in ast.walk(tree) if isinstance(node, ast.Parameter)}
    assert sorted(places) == [1, 2, 3, 4, 5]
    assert [places[index] for index in sorted(places)] == sorted(places.values())


def test_places_are_those_of_operators_and_first_characters() -> None:
    text = "SELECT  a.b + f(c) FROM s.t  WHERE x  NOT IN (1)"
    tree = parse(text)
    spelled = {
        type(node).__name__: text[node.at :].split()[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.BinaryOp, ast.FunctionCall, ast.TableRef, ast.InList, ast.Select))
    }
    assert spelled == {"BinaryOp": "+", "FunctionCall": "f(c)", "TableRef": "s.t", "InList": "NOT", "Select": "SELECT"}


def test_keywords_are_names_where_they_are_not_wanted() -> None:
    for word in sorted({word.lower() for word in keywords()} - reserved_words() - {"2pl"}):
        if word == "of" or not word.isidentifier():
            continue
        tree = parse(f"SELECT t.{word}, {word} AS {word} FROM {word} AS {word} WHERE {word} = 1 ORDER BY {word}")
        assert isinstance(tree, ast.Query)


def test_reserved_words_are_names_behind_as_and_dot() -> None:
    tree = parse("SELECT t.select AS from, s.order.table FROM t")
    assert isinstance(tree, ast.Query) and isinstance(tree.body, ast.Select)
    assert [target.alias for target in tree.body.targets] == ["from", None]
    assert tree.body.targets[1].expression == ast.ColumnRef(("s", "order", "table"), at=25)


# -- Depth ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + " + ".join(["a"] * 5_000),
        "SELECT " + " AND ".join(["a"] * 5_000),
        "SELECT a IN (" + ", ".join(["1"] * 10_000) + ")",
        " UNION ALL ".join(["SELECT 1"] * 500),
        "SELECT * FROM a " + " ".join(["JOIN b ON true"] * 500),
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT " + "(" * 1_000 + "1" + " + 1)" * 1_000,
        "INSERT INTO t VALUES " + ", ".join(["(1, 'a')"] * 5_000),
    ],
    ids=["sum", "and", "in", "union", "join", "parentheses", "left", "values"],
)
def test_long_but_shallow(text: str) -> None:
    tree = parse(text)
    assert ast.same(parse(to_sql(tree)), tree)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(1 + " * 1_000 + "1" + ")" * 1_000,
        "SELECT " + "f(" * 1_000 + "1" + ")" * 1_000,
        "SELECT " + "- " * 1_000 + "1",
        "SELECT " + "NOT " * 1_000 + "a",
        "SELECT a" + "::int" * 1_000,
        "SELECT a" + "[1]" * 1_000,
        "SELECT a" + ' COLLATE "C"' * 1_000,
        "SELECT a" + " AT TIME ZONE b" * 1_000,
        "SELECT a" + " AT LOCAL" * 1_000,
        "SELECT " + "(SELECT " * 1_000 + "1" + ")" * 1_000,
        "SELECT " + "CASE WHEN a THEN " * 1_000 + "1" + " END" * 1_000,
        "SELECT * FROM " + "(SELECT * FROM " * 1_000 + "t" + ") x" * 1_000,
        "SELECT * FROM " + "a JOIN (" * 1_000 + "a JOIN a ON true" + ") ON true" * 1_000,
        "SELECT ARRAY" + "[" * 1_000 + "]" * 1_000,
    ],
)
def test_too_deep(text: str) -> None:
    with pytest.raises(errors.StatementTooComplex) as caught:
        parse(text)
    assert caught.value.sqlstate == "54001"


def test_the_limit_of_depth() -> None:
    levels = MAX_DEPTH - 4  # Query, Select, Target, and the innermost 1
    parse("SELECT " + "(1 + " * levels + "1" + ")" * levels)
    with pytest.raises(errors.StatementTooComplex):
        parse("SELECT " + "(1 + " * (levels + 1) + "1" + ")" * (levels + 1))


# -- Errors ---------------------------------------------------------------------------------------------------

WRONG = """
SELEC 1
SELECT a FORM t
SELECT a FROM t WHRE a = 1
SELECT a FROM t WHERE
SELECT DISTINCT FROM t
SELECT * FROM order
SELECT a b c FROM t
SELECT (1
SELECT 1)
SELECT 1; SELECT 2
SELECT 'abc
SELECT "abc
SELECT ""
SELECT 12abc
SELECT E'\\u12'
SELECT $$a
SELECT ? + $1
SELECT $0
SELECT a = b = c
SELECT * FROM a JOIN b
SELECT 1 LIMIT 1 LIMIT 2
SELECT 1 FETCH FIRST 2 ROWS WITH TIES
SELECT f(VARIADIC a, b)
SELECT 1 OVERLAPS 2
/* a
INSERT INTO t VALEUS (1)
INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 1
UPDATE t SET a = 1 WEHRE b = 2
DELETE t
MERGE INTO t USING u ON true WHEN NOT MATCHED THEN DELETE
CREATE TABEL t (a int)
CREATE TABLE t (a int,)
CREATE TABLE t (a int NOT DEFERRABLE)
CREATE TABLE t (a int DEFAULT 1 DEFAULT 2)
CREATE TABLE t (a int UNIQUE NOT DEFERRABLE INITIALLY DEFERRED)
CREATE SEQUENCE s CYCLE NO CYCLE
DROP TABLE
BEGIN ISOLATION LEVEL SERIALISABLE
BEGIN READ ONLY READ WRITE
ROLLBACK TO
EXPLAIN (FORMAT xml) SELECT 1
EXPLAIN (ANALYZE maybe) SELECT 1
VACUUM (fast)
SELECT a::text with time zone
"""


def test_golden_errors() -> None:
    produced = []
    for text in WRONG.strip().split("\n"):
        with pytest.raises(errors.Error) as caught:
            parse(text)
        assert caught.value.sqlstate in ("42601", "22023") and caught.value.statement == text
        produced.append(f"{text}\n---\n{caught.value}\n\n")
    check_golden("syntax_errors.golden", "".join(produced))


@pytest.mark.parametrize("text", ["", "  ", ";", " ; ", "-- only a comment", "/* ; */"])
def test_no_statement(text: str) -> None:
    with pytest.raises(errors.SyntaxError, match="there is no statement"):
        parse(text)


@pytest.mark.parametrize("text", ["SELECT '\0'", "SELECT '\ud800'", "SELECT 1 -- \udfff"])
def test_characters_that_no_text_may_hold(text: str) -> None:
    with pytest.raises(errors.CharacterNotInRepertoire) as caught:
        parse(text)
    assert caught.value.sqlstate == "22021"


@given(st.text(st.sampled_from("aSELECT FROM(),;'\"$*/-.:?[]=<>1e\\\n{}#@~|é"), max_size=40))
def test_anything_is_a_tree_or_an_error_of_ours(text: str) -> None:
    try:
        tree = parse(text)
    except errors.Error:
        return
    assert ast.same(parse(to_sql(tree)), tree)


@given(st.lists(st.sampled_from([word for text in STATEMENTS[:120] for word in text.split()]), max_size=12))
def test_words_in_any_order_are_a_tree_or_an_error_of_ours(words: list[str]) -> None:
    test_anything_is_a_tree_or_an_error_of_ours.hypothesis.inner_test(" ".join(words))  # type: ignore[attr-defined]


# -- Expressions, made up ---------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "B", "select", "odd name", 'q"uote', "value", "t1"])
LEAVES = st.one_of(
    NAMES.map(lambda name: ast.ColumnRef((name,))),
    st.sampled_from(["1", "2.50", "1e10", ".5"]).map(ast.NumberLiteral),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5).map(ast.StringLiteral),
    st.sampled_from([ast.NullLiteral(), ast.BooleanLiteral(True), ast.Parameter(1), ast.NamedParameter("n")]),
)
OPERATORS = ["+", "-", "*", "/", "%", "^", "||", "=", "<>", "<", "~", "->", "->>", "@>", "&", "?"]


def flat(kind: type[ast.And] | type[ast.Or], operands: list[ast.Expression]) -> ast.Expression:
    leaves: list[ast.Expression] = []
    for operand in operands:
        leaves.extend(operand.operands if isinstance(operand, kind) else [operand])
    return kind(tuple(leaves))


def compound(inner: st.SearchStrategy[ast.Expression]) -> st.SearchStrategy[ast.Expression]:
    some = st.lists(inner, min_size=2, max_size=3)
    flags = st.booleans()
    return st.one_of(
        st.builds(ast.BinaryOp, st.sampled_from(OPERATORS), inner, inner),
        st.builds(ast.UnaryOp, st.sampled_from(["-", "+", "~", "@"]), inner),
        some.map(lambda operands: flat(ast.And, operands)),
        some.map(lambda operands: flat(ast.Or, operands)),
        st.builds(ast.Not, inner),
        st.builds(ast.Is, inner, st.sampled_from(["null", "true", "unknown"]), flags),
        st.builds(ast.IsDistinct, inner, inner, flags),
        st.builds(ast.Between, inner, inner, inner, flags, flags),
        st.builds(ast.Like, st.sampled_from(["like", "ilike", "similar"]), inner, inner, st.none() | inner, flags),
        st.builds(ast.InList, inner, some.map(tuple), flags),
        st.builds(ast.QuantifiedArray, st.sampled_from(["=", "<>", "||"]), inner, st.just("any"), inner),
        st.builds(ast.Cast, inner, st.builds(ast.TypeName, NAMES, st.just(()), st.integers(0, 2))),
        st.builds(ast.Collate, inner, NAMES),
        st.builds(ast.Subscript, inner, inner),
        st.builds(ast.Slice, inner, st.none() | inner, st.none() | inner),
        st.builds(ast.Row, some.map(tuple)),
        st.builds(ast.ArrayConstructor, some.map(tuple)),
        st.builds(
            ast.Case, st.none() | inner, st.builds(ast.When, inner, inner).map(lambda w: (w,)), st.none() | inner
        ),
        st.builds(ast.FunctionCall, NAMES.map(lambda name: (name,)), some.map(tuple)),
        st.builds(lambda x, y: ast.FunctionCall(("position",), (x, y)), inner, inner),
    )


@given(st.recursive(LEAVES, compound, max_leaves=12))
def test_printed_expressions_parse_to_the_same_tree(tree: ast.Expression) -> None:
    assert ast.same(parse_expression(to_sql(tree)), tree), to_sql(tree)


# -- Scripts --------------------------------------------------------------------------------------------------


def test_script_is_cut_at_semicolons_only() -> None:
    text = "SELECT ';' ; -- no ;\n SELECT \";\", $$;$$, $a$;$a$, E'\\';' /* ; /* ; */ ; */;;\n\nSELECT 3 "
    pieces = list(parse_script(text))
    assert [piece for piece, _ in pieces] == [
        "SELECT ';'",
        "SELECT \";\", $$;$$, $a$;$a$, E'\\';'",
        "SELECT 3",
    ]
    assert all(text[at:].startswith(piece) for piece, at in pieces)


@pytest.mark.parametrize("text", ["", " ;; ", "-- nothing", "/* ; */ ;"])
def test_script_without_statements(text: str) -> None:
    assert list(parse_script(text)) == []


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("SELECT 1;", True),
        ("SELECT 1; -- done", True),
        ("SELECT 1; /* done */ ", True),
        ("SELECT 1", False),
        ("SELECT ';", False),
        ("SELECT ';';", True),
        ("SELECT E'\\';", False),
        ('SELECT ";', False),
        ("SELECT $$;", False),
        ("SELECT 1 /* ;", False),
        ("SELECT 1; SELECT 2", False),
        ("", False),
        ("-- x", False),
    ],
)
def test_is_complete(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


@given(st.text(st.sampled_from("a;'\"$-/*\\ \nE"), max_size=30))
def test_scripts_of_anything_lose_nothing(text: str) -> None:
    for piece, at in parse_script(text):
        assert piece and text[at : at + len(piece)] == piece
