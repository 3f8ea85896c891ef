"""What a syntax error says: the place, what could have come there, and what was probably meant.

What could have come is found by parsing what stands before the place again, then trying each terminal on a copy of
the driver's stack: the row of the last state alone names too many, and in the error's own stack the wrong token has
reduced things already. All terminals that begin an expression are listed as "an expression",
all that can follow one as "an operator".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minidb import errors
from minidb.sql.lalr import Machine, Unexpected
from minidb.sql.lexer import Token
from minidb.sql.suggest import distance

_LONGEST_LIST = 8
_COMMON = (
    *("an expression", "an operator", "a name", '","', '")"', '"("', "AS", "FROM", "WHERE", "GROUP", "ORDER", "LIMIT"),
    *("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "BEGIN", "COMMIT", "ROLLBACK", "the end"),
)  # what a long list is cut down to
_CLOSING = ("AND", "IN")  # after `BETWEEN 1` and in `POSITION('a'`, where no condition can go on, they end the operand
_NAMES = {
    "IDENT": "a name",
    "QUOTED_IDENT": "a name",
    "NUMBER": "a number",
    "STRING": "a string",
    "NUMBERED_PARAMETER": "a parameter",
    "NAMED_PARAMETER": "a parameter",
    "INTERVAL_STRING": "INTERVAL",
    "INTERVAL_TYPE": "INTERVAL",
    "AS_OF_TIME": "AS OF SYSTEM TIME",
}


def explain_unexpected(
    text: str, tokens: Sequence[Token], unexpected: Unexpected, machine: Machine, actions: Callable[[str], object]
) -> errors.SyntaxError:
    """The error to raise for a token that nothing fits. `actions` makes a context for parsing beginnings again."""
    token, at = unexpected.token, unexpected.token[3]
    index = next(i for i, other in enumerate(tokens) if other is token)
    prober = _Prober(machine, actions, unexpected.start)
    viable = prober.after(tokens[:index])
    if index and tokens[index - 1][2] == ";" and viable == [machine.end]:
        return errors.SyntaxError("only one statement can be run at a time", position=at, statement=text)
    if token[0] == machine.end:
        message = "syntax error at end of input"
    else:
        message = f'syntax error at or near "{_spelling(text, tokens, index)}"'
    hint = _keyword_for(token, viable, machine) or _reserved(token, viable, machine)
    if hint is None and index:
        hint = _keyword_before(tokens, index, prober)
    expected = _describe(viable, _Prober(machine, actions, "expression_only"))
    return errors.SyntaxError(
        message,
        detail=f"Expected {expected.removesuffix('.')}." if expected else None,
        hint=hint,
        position=at,
        statement=text,
    )


def _spelling(text: str, tokens: Sequence[Token], index: int) -> str:
    """The token as it was written, shortened if it is long."""
    piece = text[tokens[index][3] : tokens[index + 1][3]].split("--")[0].split("/*")[0].rstrip()
    return piece if len(piece) <= 40 else piece[:37] + "..."


class _Prober:
    """Finds what can follow a beginning."""

    def __init__(self, machine: Machine, actions: Callable[[str], object], start: str) -> None:
        self.machine = machine
        self._actions = actions
        self._start = start

    def after(self, tokens: Sequence[Token]) -> list[int]:
        """The terminals that can follow `tokens`."""
        try:
            self.machine.parse([*tokens, (-2, -2, None, 0)], self._actions(""), self._start)
        except Unexpected as unexpected:
            return self.machine.viable(unexpected.states, self._start)
        raise AssertionError("there is no such terminal")

    def beginnings(self) -> set[int]:
        """Terminals that begin an expression."""
        return set(self.after([]))

    def continuations(self) -> set[int]:
        """Terminals that can follow a whole expression."""
        null = next(i for i, (_, _, text, _) in enumerate(self.machine.terminals) if text == "NULL")
        return set(self.after([(null, -1, "null", 0)])) - {self.machine.end}


# -- What was expected ----------------------------------------------------------------------------------------


def _describe(viable: Sequence[int], prober: _Prober) -> str:
    """A list of what could have come; of a long one the common part."""
    rest = set(viable)
    found = []
    for name, signs, group in (
        ("an expression", {"IDENT", "NUMBER", "STRING", "CASE"}, prober.beginnings),
        ("an operator", {"PLUS", "STAR", "PERCENT"}, prober.continuations),
    ):
        there = {prober.machine.terminals[terminal][0] for terminal in rest if terminal != prober.machine.end}
        if signs <= there:
            closing = {t for t in rest if t != prober.machine.end and prober.machine.terminals[t][0] in _CLOSING}
            rest = (rest - group()) | (set() if "OR" in there else closing)
            found.append(name)
    names = {_human(terminal, prober.machine) for terminal in rest}
    found += sorted(names, key=lambda name: (not name.startswith("a "), name))
    if len(found) > _LONGEST_LIST:
        if found[0] == "an expression":
            return found[0]
        common = [name for name in _COMMON if name in found] or found
        return ", ".join([*common[:_LONGEST_LIST], "..."])
    if not found:
        return ""
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} or {found[-1]}"


def _human(terminal: int, machine: Machine) -> str:
    if terminal == machine.end:
        return "the end"
    name, kind, text, _ = machine.terminals[terminal]
    if kind == "regexp":
        return _NAMES.get(name) or name.replace("_", " ")
    return text if kind != "sign" else f'"{text}"'


# -- What was meant -------------------------------------------------------------------------------------------


def _keyword_for(token: Token, viable: Sequence[int], machine: Machine) -> str | None:
    """A viable keyword that is spelled nearly as the token is."""
    if not isinstance(token[2], str) or not token[2].isidentifier() or not _may_be_name(token, machine):
        return None
    for terminal in viable:
        if terminal != machine.end and machine.terminals[terminal][1] in ("word", "reserved"):
            word = machine.terminals[terminal][2]
            if _is_near(token[2].upper(), word):
                return f"Did you mean {word}?"
    return None


def _may_be_name(token: Token, machine: Machine) -> bool:
    """Whether it is a word that is not reserved."""
    return any(0 <= reading < machine.end and machine.terminals[reading][0] == "IDENT" for reading in token[:2])


def _keyword_before(tokens: Sequence[Token], index: int, prober: _Prober) -> str | None:
    """SELECT a FORM t: the mistake is a word before the place, which was read as a name."""
    suspect = tokens[index - 1]
    if suspect[0] < prober.machine.end and prober.machine.terminals[suspect[0]][1] == "word":
        return None  # it is one already
    return _keyword_for(suspect, prober.after(tokens[: index - 1]), prober.machine)


def _reserved(token: Token, viable: Sequence[int], machine: Machine) -> str | None:
    """A reserved word where a name is wanted."""
    if token[0] >= machine.end or machine.terminals[token[0]][1] != "reserved" or token[1] >= 0:
        return None
    wanted = {machine.terminals[terminal][0] for terminal in viable if terminal != machine.end}
    if "QUOTED_IDENT" in wanted and "NUMBER" not in wanted:
        word = machine.terminals[token[0]][2]
        return f'{word} is a reserved word: as a name it is written "{word.lower()}", with the quotes.'
    return None


def _is_near(word: str, keyword: str) -> bool:
    """One edit apart, two in long words."""
    allowed = 1 if len(keyword) < 7 else 2
    return word != keyword and len(keyword) > 2 and distance(word, keyword, allowed) <= allowed
