"""Schedules as text: `parse` reads a file's contents, `text_of` writes them.

    text --Lexer--> tokens --Machine (tables of grammar/schedule.lark), Actions--> Draft --checked--> Schedule

`parse(text_of(schedule))` is the same schedule, but for its name and the line numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from minidb.errors import InvalidParameterValue, SyntaxError
from minidb.lab.schedule import Actor, Blocker, Permutation, Schedule, Turn
from minidb.lab.schedule_actions import Actions, Draft
from minidb.lab.schedule_checks import checked
from minidb.lab.schedule_lexer import BLANKS, Lexer
from minidb.sql import grammar_tables
from minidb.sql.lalr import Machine, Unexpected
from minidb.sql.lexer import Token
from minidb.sql.suggest import nearest

START = "schedule"
NAMES = {"IDENT": "a name", "QUOTED_IDENT": "a name", "INTEGER": "a number", "SQL": "SQL in { }",
         "INVARIANT": "invariant"}
ORDER = ("setup", "teardown", "invariant", "session", "step", "permutation", "the end")
LAYOUT = (
    "A file has setups, teardown, invariants, then sessions (each with setup, steps, teardown), then permutations, "
    "in this order."
)
LONGEST_PIECE = 40

TABLES = grammar_tables.load("schedule")
LEXER = Lexer(TABLES.TERMINALS)
MACHINE = Machine(TABLES, Actions)
PLAIN_NAME = re.compile(next(text for name, _, text, _ in TABLES.TERMINALS if name == "IDENT"))


def parse(text: str, name: str = "") -> Schedule:
    """The schedule that a file holds; `name` is what it will be called.

    Raises SyntaxError with the place, and what was expected there.
    """
    tokens = LEXER.tokens(text)
    try:
        draft = cast(Draft, MACHINE.parse(tokens, Actions(), START))
    except Unexpected as unexpected:
        raise explained(text, tokens, unexpected.token) from None
    return checked(draft, text, name)


# -- syntax errors


def explained(text: str, tokens: Sequence[Token], token: Token) -> SyntaxError:
    """The error for a token that nothing fits."""
    at = token[3]
    viable = after(tokens[: next(i for i, other in enumerate(tokens) if other is token)])
    if token[0] == MACHINE.end:
        message = "syntax error at the end of the schedule"
    else:
        message = f'syntax error at or near "{piece(text, at)}"'
    return SyntaxError(
        message, detail=f"Expected {listed(viable)}.", hint=meant(text, token, viable), position=at, statement=text
    )


def after(tokens: Sequence[Token]) -> list[int]:
    """The terminals that can follow a beginning: it is parsed again, up to a token that cannot be."""
    try:
        MACHINE.parse([*tokens, (-2, -2, None, 0)], Actions(), START)
    except Unexpected as unexpected:
        return MACHINE.viable(unexpected.states, START)
    raise AssertionError("there is no such terminal")


def piece(text: str, at: int) -> str:
    """What stands at the place, as far as its line goes."""
    found = re.compile(r"\w+|\{[^\n]*|\"[^\n]*|.").match(text, at)
    word = found[0] if found else ""
    return word if len(word) <= LONGEST_PIECE else word[: LONGEST_PIECE - 3] + "..."


def listed(viable: Iterable[int]) -> str:
    names = sorted(set(map(human, viable)), key=lambda name: (ORDER.index(name) if name in ORDER else -1, name))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def human(terminal: int) -> str:
    if terminal == MACHINE.end:
        return "the end"
    name, kind, text, _ = MACHINE.terminals[terminal]
    return NAMES.get(name) or (f'"{text}"' if kind == "sign" else text)


def meant(text: str, token: Token, viable: Sequence[int]) -> str | None:
    """A hint: what a word was probably meant to be, or where it belongs."""
    word, expected = piece(text, token[3]), set(map(human, viable))
    if word == "invariant":
        return "An invariant is a block: invariant { SELECT ... }"
    if word in LEXER.keywords:
        if expected == {"a name"}:
            return f'As a name it is written "{word}", with the quotes.'
        return LAYOUT if expected & LEXER.keywords.keys() else None
    near = nearest(word, expected & {*LEXER.keywords, "invariant"})
    return f"Did you mean {near}?" if near else None


# -- writing


def text_of(schedule: Schedule, comments: Iterable[str] = ()) -> str:
    """The schedule as a file's contents. `comments`: lines to begin with, without their `#`.

    Raises InvalidParameterValue for SQL that holds a closing brace: the format has no way to write it.
    """
    blocks = [remarks(comments), *(f"setup {braces(sql)}" for sql in schedule.setups)]
    if schedule.teardown:
        blocks.append(f"teardown {braces(schedule.teardown)}")
    blocks += ["\n".join(session_lines(actor)) for actor in schedule.actors]
    blocks.append("\n".join(map(permutation_line, schedule.permutations)))
    blocks.append("\n".join(f"invariant {braces(sql)}" for sql in schedule.invariants))
    return "\n\n".join(filter(None, blocks)) + "\n"


def remarks(comments: Iterable[str]) -> str:
    return "\n".join(f"# {line}".rstrip() for comment in comments for line in comment.split("\n"))


def session_lines(actor: Actor) -> Iterator[str]:
    yield f"session {written(actor.name)}"
    if actor.setup:
        yield f"setup {braces(actor.setup)}"
    for step in actor.steps:
        yield f"step {written(step.name)} {braces(step.sql)}"
    if actor.teardown:
        yield f"teardown {braces(actor.teardown)}"


def permutation_line(permutation: Permutation) -> str:
    return " ".join(["permutation", *map(turn_text, permutation.turns)])


def turn_text(turn: Turn) -> str:
    marks = ", ".join(map(blocker_text, turn.blockers))
    return f"{written(turn.step)}({marks})" if marks else written(turn.step)


def blocker_text(blocker: Blocker) -> str:
    if blocker.kind == "always":
        return "*"
    return written(blocker.name) + (f" notices {blocker.count}" if blocker.kind == "notices" else "")


def braces(sql: str) -> str:
    if "}" in sql:
        raise InvalidParameterValue(
            "SQL with a closing brace cannot be written into a schedule", detail=f"The SQL is: {sql}",
            hint="The brace would end the block. In a string, chr(125) stands for it.",
        )
    sql = sql.strip(BLANKS)
    return f"{{{'' if sql.startswith(chr(10)) else ' '}{sql}{'' if sql.endswith(chr(10)) else ' '}}}"


def written(name: str) -> str:
    """The name, in quotes if it needs them. Raises InvalidParameterValue for one of several lines."""
    if "\n" in name:
        raise InvalidParameterValue(f"a name in a schedule stands in one line: {name!r}")
    plain = PLAIN_NAME.fullmatch(name) and name != "invariant"
    return name if plain else '"' + name.replace('"', '""') + '"'
