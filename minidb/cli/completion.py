"""What the word at the cursor may become: a keyword, a table, a column, a backslash command or its argument."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from minidb.cli import sql_help
from minidb.cli.backslash import COMMANDS
from minidb.isolation import IsolationLevel
from minidb.schema import Catalog

DIALECTS = ("minidb", "mysql", "sqlite", "duckdb", "tsql", "oracle", "postgres")
PRINTING = ("format aligned", "format csv", "null")
WORD = re.compile(r"[\w$]*\Z")
QUALIFIER = re.compile(r'(\w+|"[^"]+")\.\Z')
RELATION_WANTED = re.compile(r"\b(?:from|join|into|update|table|using|references|truncate|analyze)\s+\Z", re.IGNORECASE)


def suggestions(text: str, catalog: Catalog, keywords: Collection[str], sessions: Iterable[str] = ()) -> list[str]:
    """Whole words that the last word of `text` (the text before the cursor) is the beginning of, sorted.

    `keywords` are in lower case; they come back in upper case if the word is being typed so."""
    if text.lstrip().startswith("\\"):
        return command_suggestions(text.lstrip(), catalog, sessions)
    found = WORD.search(text)
    word = found[0] if found else ""
    before = text[: len(text) - len(word)]
    qualifier = QUALIFIER.search(before)
    if qualifier is not None:
        return matching(word, columns_of(qualifier[1].strip('"').lower(), text, catalog))
    if RELATION_WANTED.search(before):
        return matching(word, relations(catalog))
    if not word:
        return []
    names = matching(word, {*relations(catalog), *columns_in_sight(text, catalog)})
    words = [k.upper() if word.isupper() else k for k in matching(word, keywords)]
    return names + [k for k in words if k not in names]


def command_suggestions(text: str, catalog: Catalog, sessions: Iterable[str]) -> list[str]:
    command, space, argument = text.partition(" ")
    if not space:
        return sorted(known.name for known in COMMANDS if known.name.startswith(command))
    if command == "\\d":
        return matching(argument, {*relations(catalog), *(i.name for t in catalog.tables.values() for i in t.indexes)})
    if command in ("\\i", "\\o"):
        return files(argument)
    if command == "\\h":
        return matching(argument, sql_help.names())
    if command == "\\dialect":
        return matching(argument, DIALECTS)
    if command == "\\pset":
        return matching(argument, PRINTING) if " " not in argument else []
    if command == "\\isolation":
        return matching(argument, [level.value for level in IsolationLevel])
    if command == "\\session":
        return matching(argument, sessions)
    return matching(argument, ["on", "off"]) if command in ("\\x", "\\timing") else []


def files(begun: str) -> list[str]:
    """Files whose path begins so; directories end with a slash."""
    path = Path(begun).expanduser()
    directory = path if begun.endswith("/") or not begun else path.parent
    try:
        names = [entry.name + "/" * entry.is_dir() for entry in directory.iterdir()]
    except OSError:
        return []
    head, slash, last = begun.rpartition("/")
    return sorted(head + slash + name for name in names if name.startswith(last) and (last or name[0] != "."))


def matching(word: str, candidates: Iterable[str]) -> list[str]:
    folded = word.lower()
    return sorted(c for c in candidates if c.lower().startswith(folded))


def relations(catalog: Catalog) -> set[str]:
    return {thing.name for kind in (catalog.tables, catalog.views, catalog.sequences) for thing in kind.values()}


def columns_in_sight(text: str, catalog: Catalog) -> set[str]:
    """Columns of the tables that the statement mentions; of all tables if it mentions none."""
    mentioned = set(re.findall(r"\w+", text.lower())) & relations(catalog)
    return {column for relation in mentioned or relations(catalog) for column in columns(relation, catalog)}


def columns_of(name: str, text: str, catalog: Catalog) -> list[str]:
    """Columns of the table that is called `name`, or has that alias in `text`."""
    if name in relations(catalog):
        return columns(name, catalog)
    before_alias = re.findall(rf"\b(\w+)\s+(?:as\s+)?{re.escape(name)}\b", text.lower())
    return next((columns(relation, catalog) for relation in before_alias if relation in relations(catalog)), [])


def columns(relation: str, catalog: Catalog) -> list[str]:
    table = catalog.find_table(relation)
    if table is not None:
        return [column.name for column in table.live_columns]
    view = catalog.find_view(relation)
    return list(view.columns) if view is not None else []
