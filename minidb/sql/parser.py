"""SQL text to syntax trees: the door to lexer, driver, actions and tables.

    text --Lexer--> tokens --Machine (tables of grammar/sql.lark), Actions--> ast.Statement
                              |
                              +-- Unexpected --> SyntaxError: place, what was expected, what was probably meant

Depth. Neither lexer nor driver recurses, but everything behind them does, so the parser refuses statements nested
deeper than MAX_DEPTH (54001). Depth is that of the tree, without the left sides of chains (`a + b + c`, UNION, JOIN),
which all passes walk in a loop. It is measured only where the driver's stack, or the number of postfix operators in
the text, says that it could be too large: ordinary statements pay nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from minidb import errors
from minidb.sql import ast, grammar_tables
from minidb.sql.actions import Actions
from minidb.sql.lalr import Machine, TooDeep, Unexpected
from minidb.sql.lexer import Lexer
from minidb.sql.script import is_complete, parse_script

__all__ = ["MAX_DEPTH", "is_complete", "keywords", "parse", "parse_expression", "parse_lifted", "parse_script",
           "reserved_words"]

MAX_DEPTH = 150
"""Levels of the tree that a statement may have: some five Python frames each must fit into 1,000."""

_SHALLOW_STACK = 120
"""With fewer entries on the driver's stack no tree is too deep, but for chains of postfix operators."""

_POSTFIX = ("::", "[", "COLLATE", "AT ")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


# -- Values of terminals ------------------------------------------------------------------------------------


def _string(text: str) -> str:
    """The contents of '...', N'...', U&'...' or E'...'."""
    first = text[0]
    if first == "'":
        return text[1:-1].replace("''", "'")
    if first in "nN":
        return text[2:-1].replace("''", "'")
    if first in "uU":
        return _by_code(text[3:-1].replace("''", "'"))
    return _unescape(text[2:-1].replace("''", "'"))


def _by_code(text: str) -> str:
    """Characters of U&'...' by their codes: \\00e9, \\+01F600; two backslashes are one. A pair of surrogates is one."""
    wrong = re.search(r"\\(?![0-9a-fA-F]{4}|\+[0-9a-fA-F]{6}|\\)", text.replace("\\\\", ""))
    if wrong is not None:
        raise ValueError("invalid Unicode escape")
    plain = re.sub(
        r"\\(?:([0-9a-fA-F]{4})|\+([0-9a-fA-F]{6})|(\\))",
        lambda match: match[3] or chr(int(match[1] or match[2], 16)),
        text,
    )
    return plain if plain.isascii() else plain.encode("utf-16", "surrogatepass").decode("utf-16")


def _unescape(text: str) -> str:
    """Backslash sequences of E'...': \\n, \\x41, \\101, \\u00e9, \\U0001F600; any other character is itself."""
    head, *parts = text.split("\\")
    result, literal = [head], False
    for part in parts:
        if literal:  # the second of two backslashes: what follows is plain text
            result.append(part)
            literal = False
        elif not part:
            result.append("\\")
            literal = True
        else:
            result.append(_escape(part))
    return "".join(result)


def _escape(part: str) -> str:
    """One sequence, without its backslash, and the text behind it."""
    kind = part[0]
    for letter, digits, minimum in (("x", 2, 1), ("u", 4, 4), ("U", 8, 8)):
        if kind == letter:
            return _code(part[1:], 16, minimum, digits, part)
    if kind in "01234567":
        return _code(part, 8, 1, 3, part)
    return _ESCAPES.get(kind, kind) + part[1:]


def _code(text: str, base: int, minimum: int, maximum: int, part: str) -> str:
    count = 0
    while count < maximum and text[count : count + 1] in tuple("0123456789abcdefABCDEF"[: 8 if base == 8 else 22]):
        count += 1
    if count < minimum:
        if base == 16 and minimum == 1:
            return part
        raise ValueError("invalid Unicode escape")
    code = int(text[:count], base)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ValueError("invalid escape: there is no such character")
    return chr(code) + text[count:]


def _quoted(text: str) -> str:
    return text[1:-1].replace('""', '"')


# -- The parser ---------------------------------------------------------------------------------------------

_TABLES = grammar_tables.load("sql")
_LEXER = Lexer(_TABLES.TERMINALS, converters={"STRING": _string, "QUOTED_IDENT": _quoted})
_MACHINE = Machine(_TABLES, Actions)


def parse(text: str) -> ast.Statement:
    """The tree of exactly one statement; a semicolon may follow.

    Raises:
        SyntaxError: with `.position`, and what was expected there.
        StatementTooComplex: nested deeper than MAX_DEPTH.
        CharacterNotInRepertoire: NUL or a lone surrogate in the text.
    """
    return cast(ast.Statement, _run(text, "statement_only", Actions(text)))


def parse_expression(text: str) -> ast.Expression:
    """The tree of one expression: a stored CHECK, DEFAULT or index expression. Raises as `parse`."""
    return cast(ast.Expression, _run(text, "expression_only", Actions(text)))


def parse_lifted(text: str, lifted: Mapping[int, tuple[int, Any, object]]) -> tuple[ast.Statement, int]:
    """As `parse`, with `Lifted` nodes for the literals at the offsets that `lifted` names, and how many were made.

    If they are fewer than `lifted` has, the grammar has another use for one of the literals. See `shapes`.
    """
    actions = Actions(text, lifted)
    return cast(ast.Statement, _run(text, "statement_only", actions)), actions.met


def keywords() -> tuple[str, ...]:
    """All keywords in upper case, in alphabetical order: for highlighting and completion."""
    words = {text for _, kind, text, _ in _TABLES.TERMINALS if kind in ("word", "reserved")}
    for name, kind, _, priority in _TABLES.TERMINALS:
        if kind == "regexp" and priority:
            words.update(name.split("_"))
    return tuple(sorted(words - {"STRING", "TYPE"}))


def reserved_words() -> frozenset[str]:
    """The keywords, in lower case, that are names only in quotes."""
    return _LEXER.reserved


def _run(text: str, start: str, actions: Actions) -> Any:
    _check_characters(text)
    tokens = _LEXER.tokens(text)
    if len(tokens) == 1 or (len(tokens) == 2 and tokens[0][2] == ";"):
        raise errors.SyntaxError("there is no statement", position=0, statement=text)
    try:
        try:
            tree = _MACHINE.parse(tokens, actions, start, _SHALLOW_STACK)
            deep = len(text) > MAX_DEPTH * 2 and _has_postfix_chain(text)
        except TooDeep:
            actions.met = actions.parameters = 0
            actions.numbered = False
            tree, deep = _MACHINE.parse(tokens, actions, start), True
    except Unexpected as unexpected:
        from minidb.sql.syntax_errors import explain_unexpected  # only here: programs are right, people err

        raise explain_unexpected(text, tokens, unexpected, _MACHINE, Actions) from None
    if deep:
        _check_depth(tree, text)
    return tree


def _check_characters(text: str) -> None:
    place = text.find("\0")
    if place < 0 and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            place = error.start
    if place >= 0:
        raise errors.CharacterNotInRepertoire(
            "SQL text cannot contain " + ("NUL" if text[place] == "\0" else "lone surrogates"), position=place
        )


def _has_postfix_chain(text: str) -> bool:
    upper = text.upper()
    return sum(map(upper.count, _POSTFIX)) > MAX_DEPTH // 2


def _check_depth(tree: ast.Node, text: str) -> None:
    """Raises StatementTooComplex for a tree of more than MAX_DEPTH levels."""
    stack = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise errors.StatementTooComplex(
                "statement is nested too deeply",
                detail=f"At most {MAX_DEPTH} levels of expressions, subqueries and parentheses are supported.",
                position=max(node.at, 0),
                statement=text,
            )
        left = node.left if isinstance(node, (ast.BinaryOp, ast.SetOperation, ast.Join)) else None
        stack.extend((child, depth if child is left else depth + 1) for child in ast.children(node))
