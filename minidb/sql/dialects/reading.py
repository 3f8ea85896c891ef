"""Statements in a dialect to sqlglot's trees, quietly."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from sqlglot import exp
from sqlglot.dialects import Dialect
from sqlglot.dialects.dialect import NormalizationStrategy
from sqlglot.errors import ErrorLevel

from minidb.errors import InvalidParameterValue

OWN = ("minidb", "postgres", "postgresql")
OTHER_NAMES = {"mariadb": "mysql", "mssql": "tsql", "sqlserver": "tsql", "sqlite3": "sqlite"}
LOG = logging.getLogger("sqlglot")  # it warns of what it leaves to its caller


def dialect_name(name: str) -> str:
    """The name by which a dialect is known; '' for our own. Raises InvalidParameterValue."""
    folded = name.strip().lower()
    folded = OTHER_NAMES.get(folded, folded)
    if folded in OWN:
        return ""
    known = sorted(set(Dialect.classes) - {"", "own"})  # `own` is the one of `writing`
    if folded not in known:
        near = get_close_matches(folded, known, 1)
        raise InvalidParameterValue(
            f'there is no dialect "{name}"',
            hint=f'Perhaps you meant "{near[0]}".' if near else f"The dialects are {', '.join(known)}.",
        )
    return folded


def folds_case(dialect: str) -> bool:
    """Whether two names that differ in case only are one, quoted or not."""
    strategy = Dialect.get_or_raise(dialect).normalization_strategy
    return dialect == "mysql" or bool(strategy == NormalizationStrategy.CASE_INSENSITIVE)


def folds_to_upper(dialect: str) -> bool:
    return bool(Dialect.get_or_raise(dialect).normalization_strategy == NormalizationStrategy.UPPERCASE)


@contextmanager
def quiet() -> Iterator[None]:
    level = LOG.level
    LOG.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        LOG.setLevel(level)


def read(text: str, dialect: str) -> list[exp.Expr]:
    """The trees of a text. Raises sqlglot's errors."""
    with quiet():
        reader = Dialect.get_or_raise(dialect)
        trees = reader.parser(error_level=ErrorLevel.IMMEDIATE).parse(reader.tokenize(text), text)
    return [tree for tree in trees if tree is not None]
