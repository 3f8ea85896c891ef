"""From a grammar to the tables of its parser: the only module here that knows Lark.

    grammar/sql.lark --Lark, LALR(1), strict--> Tables --render--> minidb/sql/_grammar.py (not in version control)
    grammar/schedule.lark -----------------------------------> minidb/lab/_grammar.py (nor is this)

`load` is what parsers call. It imports the generated module; only if that is missing, or belongs to another text of
the grammar (a checkout, after an edit), it imports Lark, makes the tables anew (3 s) and writes the module. An
installed package brings the module along, `hatch_build.py` made it while the wheel was built.

The module holds numbers and bytes only:

    TERMINALS   (name, kind, text, priority) each; their indices are the numbers of the symbols, the next number is the
                end of the input, then come the nonterminals
    RULES       (left side, count, kind, action, indices of the parts)
    STARTS      start symbol -> (first state, last state)
    DEFAULTS    per state the rule that it reduces by whatever comes, or 0xFFFF (two bytes each, little endian as all)
    OFFSETS     per state the number of its first entry in ROWS
    ROWS        entries (symbol, 2 * next state | 2 * rule + 1)

States are numbered in the order in which a walk from the start meets them, so that the same grammar gives the same
file.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from minidb.sql.lalr import ACTION, APPEND, FIRST, NO_DEFAULT, NOTHING, PASS, TUPLE, RuleData, TableModule
from minidb.sql.lexer import Terminal

if TYPE_CHECKING:
    from lark import Lark
    from lark.grammar import Rule

FORMAT = 3
"""To be counted up when the layout above changes."""

GRAMMARS = {
    "sql": ("minidb.sql._grammar", ("statement_only", "expression_only")),
    "schedule": ("minidb.lab._grammar", ("schedule",)),
}
"""Name of the grammar's file -> the module that is generated from it, its start symbols."""

_PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


class Tables(NamedTuple):
    """The contents of a generated module."""

    HASH: str
    TERMINALS: tuple[Terminal, ...]
    RULES: tuple[RuleData, ...]
    STARTS: dict[str, tuple[int, int]]
    DEFAULTS: bytes
    OFFSETS: bytes
    ROWS: bytes


# -- Finding and loading ------------------------------------------------------------------------------------


def load(grammar: str) -> TableModule:
    """The tables of `grammar/<grammar>.lark`, one of GRAMMARS, from the generated module if that is up to date."""
    module, starts = GRAMMARS[grammar]
    source = _source_in_checkout(grammar)
    try:
        tables = cast(TableModule, import_module(module))
        if source is None or getattr(tables, "HASH", "") == fingerprint(_read(source)):
            return tables
    except Exception:  # missing, or damaged in whatever way: it is made anew
        source = source or os.path.join(_PACKAGE, "grammar", f"{grammar}.lark")
    made = make(_read(source), starts)
    write(made, module_file(module))
    return cast(TableModule, made)


def module_file(module: str) -> str:
    """Where a generated module belongs."""
    return os.path.join(os.path.dirname(_PACKAGE), *module.split(".")) + ".py"


def _source_in_checkout(grammar: str) -> str | None:
    """The grammar's file if it may be edited: in an installed package it is a copy that fits the tables."""
    if os.path.isdir(os.path.join(_PACKAGE, "grammar")):
        return None
    source = os.path.join(os.path.dirname(_PACKAGE), "grammar", f"{grammar}.lark")
    return source if os.path.isfile(source) else None


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def fingerprint(text: str) -> str:
    """What ties a generated module to its grammar."""
    return f"{FORMAT}-{len(text)}-{zlib.crc32(text.encode()):08x}"


# -- Making -------------------------------------------------------------------------------------------------


def make(text: str, starts: Sequence[str]) -> Tables:
    """The tables of a grammar. Raises lark's GrammarError for any conflict."""
    from lark import Lark

    parser = Lark(text, parser="lalr", strict=True, start=list(starts), maybe_placeholders=False)
    return _Maker(parser, starts).tables(fingerprint(text))


class _Maker:
    """Numbers the symbols, rules and states of a Lark parser and packs them."""

    def __init__(self, parser: Lark, starts: Sequence[str]) -> None:
        self.starts = starts
        self.rules = parser.rules
        ignored = set(parser.ignore_tokens)
        self.terminals = [t for t in parser.terminals if t.name not in ignored]
        identifier = next((_text(t.pattern) for t in self.terminals if t.name == "IDENT"), "")
        self.identifier = re.compile(identifier, re.IGNORECASE)
        self.keywords = {t.name for t in self.terminals if t.pattern.type == "re" and t.priority}
        nonterminals = sorted({rule.origin.name for rule in self.rules})
        names = [t.name for t in self.terminals] + ["$END"] + nonterminals
        self.symbols = {name: number for number, name in enumerate(names)}
        self.rule_numbers = {rule: number for number, rule in enumerate(self.rules)}
        self.table: Any = parser.parser.parser._parse_table
        self.order = self._walk()

    def tables(self, tag: str) -> Tables:
        rows = [self._row(state) for state in self.order]
        offsets = [0]
        for row in rows:
            offsets.append(offsets[-1] + len(row))
        return Tables(
            HASH=tag,
            TERMINALS=tuple(self._terminal(t) for t in self.terminals),
            RULES=tuple(self._rule(rule) for rule in self.rules),
            STARTS={start: self._ends(start) for start in self.starts},
            DEFAULTS=_pack("H", [self._default(row) for row in rows]),
            OFFSETS=_pack("I", offsets),
            ROWS=_pack("H", [number for row in rows for entry in row for number in entry]),
        )

    def _walk(self) -> dict[int, int]:
        """Lark's number of a state -> ours."""
        order: dict[int, int] = {}
        pending = [self.table.start_states[start] for start in self.starts]
        for state in pending:
            if state not in order:
                order[state] = len(order)
                actions = sorted(self.table.states[state].items())
                pending.extend(goal for _, (action, goal) in actions if not _is_reduce(action))
        return order

    def _row(self, state: int) -> list[tuple[int, int]]:
        entries = []
        for name, (action, goal) in self.table.states[state].items():
            code = self.rule_numbers[goal] * 2 + 1 if _is_reduce(action) else self.order[goal] * 2
            entries.append((self.symbols[name], code))
        return sorted(entries)

    def _default(self, row: list[tuple[int, int]]) -> int:
        codes = {code for _, code in row}
        if len(codes) == 1 and (code := codes.pop()) & 1:
            return code >> 1
        return NO_DEFAULT

    def _ends(self, start: str) -> tuple[int, int]:
        return self.order[self.table.start_states[start]], self.order[self.table.end_states[start]]

    def _rule(self, rule: Rule) -> RuleData:
        kept = tuple(i for i, symbol in enumerate(rule.expansion) if self._is_kept(symbol, rule))
        if rule.alias:
            kind = ACTION
        elif rule.origin.name.startswith("__"):
            kind = APPEND if rule.expansion[0] == rule.origin else FIRST
        else:
            kind = (NOTHING, PASS)[len(kept)] if len(kept) < 2 else TUPLE
        return self.symbols[rule.origin.name], len(rule.expansion), kind, str(rule.alias or ""), kept


    def _terminal(self, terminal: Any) -> Terminal:
        name, text = str(terminal.name), _text(terminal.pattern)
        if terminal.pattern.type == "re":
            return name, "regexp", text, terminal.priority
        if not text.replace("_", "").isalpha():
            return name, "sign", text, 0
        return name, "word" if self.identifier.fullmatch(text) else "reserved", text, 0

    def _is_kept(self, symbol: Any, rule: Rule) -> bool:
        """Keywords and signs are no parts, nor are the regular expressions that stand for keywords."""
        if getattr(symbol, "filter_out", False):
            return False
        return symbol.name not in self.keywords or rule.options.keep_all_tokens


def _text(pattern: Any) -> str:
    """What a terminal matches; where the grammar spreads it over lines (flag x), without the blanks."""
    return "".join(pattern.value.split()) if "x" in pattern.flags else str(pattern.value)


def _is_reduce(action: object) -> bool:
    return str(action) == "Reduce"


def _pack(kind: str, numbers: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}{kind}", *numbers)


# -- Writing ------------------------------------------------------------------------------------------------


def render(tables: Tables) -> str:
    """The source of the generated module."""
    lines = ['"""Tables of a parser, made by grammar_tables.py. Do not edit: edit the grammar."""', ""]
    lines += [f"{name} = {getattr(tables, name)!r}" for name in Tables._fields]
    return "\n".join(lines) + "\n"


def write(tables: Tables, path: str | os.PathLike[str]) -> bool:
    """Writes the module in one step, whoever else does so now. False where the directory cannot be written to."""
    import tempfile  # 5 ms, and needed after an edit of the grammar only

    try:
        descriptor, temporary = tempfile.mkstemp(suffix=".tmp", dir=os.path.dirname(path))
    except OSError:
        return False
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(render(tables))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        return False
    return True
