"""One dialect's statements as ours, cached by their text. The package says which statements are translated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from sqlglot.errors import ParseError, SqlglotError, TokenError

from minidb import errors
from minidb.schema import Catalog
from minidb.sql.dialects import control
from minidb.sql.dialects.names import Names
from minidb.sql.dialects.parameters import numbered
from minidb.sql.dialects.places import offset, place_in
from minidb.sql.dialects.reading import dialect_name, read
from minidb.sql.dialects.rewriting import UNKNOWN, rewritten
from minidb.sql.dialects.truth import NUMERIC
from minidb.sql.dialects.writing import text_of
from minidb.sql.parser import parse

if TYPE_CHECKING:
    from sqlglot import exp

LIMIT = 2000
LONGEST = 20_000
CLUSTERED = re.compile(r"\)\s*(?:(?:without\s+rowid|strict)\s*,?\s*)+;?\s*$", re.IGNORECASE)
NONCLUSTERED = re.compile(r"\b(primary\s+key|unique)\s+nonclustered\b", re.IGNORECASE)
REPLACES = re.compile(r"(\s*)replace(?=\s+(?:into\b)?)", re.IGNORECASE)


class Translation(msgspec.Struct, frozen=True):
    """`statements`: ours. `version`: of the catalog that was asked, if one was."""

    statements: tuple[str, ...]
    version: int | None = None


class Translator:
    """Translates from one dialect. Raises InvalidParameterValue if there is no such dialect, or it is ours."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect_name(dialect)
        if not self.dialect:
            raise errors.InvalidParameterValue(f"{dialect} needs no translation")
        self.counts_truth = self.dialect in NUMERIC
        self._cache: dict[tuple[str, str], Translation] = {}

    def translated(self, text: str, given: str, catalog: Catalog) -> tuple[str, ...]:
        """Our statements for one of the dialect's. `given`: 'none', 'sequence' or 'mapping' of parameters.

        Raises SyntaxError and NotSupportedError, with places in `text`."""
        found = self._cache.get((text, given))
        if found is not None and found.version in (None, catalog.version):
            return found.statements
        names = Names(self.dialect, catalog)
        statements = self._translate(text, given, names)
        if len(text) <= LONGEST:
            if len(self._cache) >= LIMIT:
                self._cache.clear()
            self._cache[text, given] = Translation(statements, catalog.version if names.looked else None)
        return statements

    def _translate(self, text: str, given: str, names: Names) -> tuple[str, ...]:
        start = control.prefix(text)
        if start:
            inner = self._translate(text[start:], given, names)
            return (text[:start] + inner[0], *inner[1:])
        found = control.instead(text, self.dialect)
        if found is None and control.is_translated(text):
            return self._read(text, given, names)
        if found is not None:
            return found
        if control.is_ours(text):
            return (text,)
        parse(text)
        raise AssertionError("what is not ours has an error")

    def _read(self, text: str, given: str, names: Names) -> tuple[str, ...]:
        prepared = prepare(numbered(text, self.dialect, given), self.dialect)
        try:
            trees = read(prepared, self.dialect)
            made = self._written(trees, names, CLUSTERED.search(text) is not None and "rowid" in text.lower())
        except SqlglotError as error:
            if control.is_ours(text):
                return (text,)
            raise self._syntax_error(error, text, prepared) from None
        except errors.Error:
            if control.is_ours(text) and '"' not in text:
                return (text,)
            raise
        for statement in made:
            self._check(statement, text)
        return made

    def _written(self, trees: list[exp.Expr], names: Names, clustered: bool) -> tuple[str, ...]:
        if len(trees) != 1 or isinstance(trees[0], UNKNOWN):
            raise ParseError("Invalid expression / Unexpected token")
        parts = rewritten(trees[0], names, clustered)
        return tuple(part if isinstance(part, str) else text_of(part) for part in parts)

    def _check(self, statement: str, text: str) -> None:
        """What we cannot read ourselves was not translated to the end."""
        try:
            parse(statement)
        except errors.SyntaxError as error:
            raise errors.NotSupportedError(
                f"this cannot be translated from {self.dialect}: {error.message}",
                position=place_in(text, statement, error.position),
                statement=text,
                detail=f"It became: {statement}",
            ) from None

    def _syntax_error(self, error: SqlglotError, text: str, prepared: str) -> errors.SyntaxError:
        facts = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
        word = facts.get("highlight") or ""
        position = None
        if word:
            end = offset(prepared, facts["line"], facts["col"])
            position = place_in(text, prepared, max(prepared.rfind(word, 0, end + 1), 0))
        elif isinstance(error, TokenError):
            position = len(text)
        message = f'syntax error at or near "{word}"' if word else "syntax error"
        description = str(facts.get("description") or str(error).split("\n")[0])
        detail = re.sub(r" but got <Token.*", "", description).rstrip(".")
        return errors.SyntaxError(
            message, position=position, statement=text, detail=f"Read as {self.dialect}: {detail}."
        )


def prepare(text: str, dialect: str) -> str:
    """The text without what sqlglot stumbles over."""
    if dialect == "tsql":
        text = NONCLUSTERED.sub(r"\1", text)
    if dialect == "sqlite":
        text = CLUSTERED.sub(")", text)
    if dialect in ("sqlite", "mysql") and text.lstrip()[:7].lower() == "replace":
        text = REPLACES.sub(r"\1INSERT OR REPLACE", text, count=1)
        if not re.match(r"\s*insert or replace\s+into\b", text, re.IGNORECASE):
            text = re.sub("OR REPLACE", "OR REPLACE INTO", text, count=1)
    return text
