"""An LALR(1) driver: runs the tables that `grammar_tables` makes from a grammar, and calls an action for each rule.

    states   0  s1  s2  s3        what was read so far; the last one decides
    values      v1  v2  v3        one per state: a token's value or an action's result
    places      p1  p2  p3        where it begins in the text

A step looks at the row of the last state: *shift* pushes the token, *reduce* replaces the last n entries by the one
that the rule makes of them. Nothing recurses, so no nesting of the text can exhaust Python's stack here.

What makes it fast: rows are unpacked into dicts when a state is first visited; states whose row holds one reduction
only do not look at the token; a chain of reductions that change nothing (`sum -> product -> ... -> primary`) is
remembered as one step, by (state below, state, token).

What a rule makes of its parts (`Rule.kind`): one part is passed through, nothing is None, several are a tuple, the
helper rules of `x*` collect a list, and `-> name` calls the method `name` of the actions with the place and the
parts.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Protocol, TypeAlias, TypeVar

from minidb.sql.lexer import Terminal, Token

PASS, NOTHING, TUPLE, FIRST, APPEND, ACTION = range(6)
"""The kinds of rules in the tables; NOTHING serves all rules with a constant value when they are bound."""

NO_DEFAULT = 0xFFFF

RuleData: TypeAlias = tuple[int, int, int, str, tuple[int, ...]]
"""Left side, number of symbols, kind, action's name, indices of the parts that the action gets."""

_Rule: TypeAlias = tuple[int, int, int, Any, int, Any]


class TableModule(Protocol):
    """What a generated module holds."""

    HASH: str
    TERMINALS: tuple[Terminal, ...]
    RULES: tuple[RuleData, ...]
    STARTS: dict[str, tuple[int, int]]
    DEFAULTS: bytes
    OFFSETS: bytes
    ROWS: bytes


class Unexpected(Exception):
    """The token that no action fits; `states` is the stack as it was then."""

    def __init__(self, token: Token, states: list[int], start: str) -> None:
        super().__init__(token)
        self.token = token
        self.states = states
        self.start = start


class TooDeep(Exception):
    """More entries on the stack than allowed."""

    def __init__(self, token: Token) -> None:
        super().__init__(token)
        self.token = token


_F = TypeVar("_F", bound=Callable[..., Any])


def placed(index: int) -> Callable[[_F], _F]:
    """Marks an action that wants the place of the symbol `index` of its rule, not of the first one."""

    def mark(function: _F) -> _F:
        function.place = index  # type: ignore[attr-defined]
        return function

    return mark


class Constant:
    """An action whose value depends on nothing: `none = Constant(None)` in the class of the actions."""

    def __init__(self, value: object) -> None:
        self.value = value


class Machine:
    """The tables of one grammar, bound to the class whose methods are its actions."""

    def __init__(self, tables: TableModule, actions: type) -> None:
        self.terminals = tables.TERMINALS
        self.end = len(tables.TERMINALS)
        self._tables = tables
        self._rules = [_bind(rule, actions) for rule in tables.RULES]
        count = len(tables.DEFAULTS) // 2
        self._defaults = struct.unpack(f"<{count}H", tables.DEFAULTS)
        self._offsets = struct.unpack(f"<{count + 1}I", tables.OFFSETS)
        self._rows: list[dict[int, int] | None] = [None] * count
        self._chains: dict[tuple[int, int, int], int] = {}

    def row(self, state: int) -> dict[int, int]:
        """Symbol -> 2 * next state, or 2 * rule + 1 for a reduction."""
        row = self._rows[state]
        if row is None:
            start, end = self._offsets[state], self._offsets[state + 1]
            flat = struct.unpack_from(f"<{(end - start) * 2}H", self._tables.ROWS, start * 4)
            row = self._rows[state] = dict(zip(flat[::2], flat[1::2]))
        return row

    def parse(self, tokens: Sequence[Token], context: object, start: str, limit: int = 1 << 30) -> Any:
        """The value of `start`. `context` is the `self` of the actions. Raises Unexpected or TooDeep."""
        state, goal = self._tables.STARTS[start]
        states = [state]
        values: list[Any] = []
        places: list[int] = []
        rows, defaults, rules, chains, load = self._rows, self._defaults, self._rules, self._chains, self.row
        made: Any
        for token in tokens:
            terminal, other, value, at = token
            while True:
                number = defaults[state]
                if number == NO_DEFAULT:
                    row = rows[state] or load(state)
                    code = row.get(terminal)
                    if code is None:
                        if state == goal and terminal == self.end:
                            return values[0]
                        code = row.get(other)
                        if code is None:
                            raise Unexpected(token, states, start)
                        if not code & 1:
                            terminal = other
                    if not code & 1:
                        state = code >> 1
                        states.append(state)
                        values.append(value)
                        places.append(at)
                        break
                    number = code >> 1
                left, count, kind, action, place, pick = rules[number]
                if count == 1:
                    if kind == ACTION:
                        values[-1] = action(context, places[-1], values[-1]) if pick else action(context, places[-1])
                    elif kind == FIRST:
                        values[-1] = [values[-1]]
                    elif kind == NOTHING:
                        values[-1] = action
                    del states[-1]
                elif count:
                    parts = values[-count:]
                    if kind == ACTION:
                        made = action(context, places[place - count], *pick(parts))
                    elif kind == APPEND:
                        made = parts[0]
                        made.append(pick(parts))
                    elif kind == NOTHING:
                        made = action
                    else:
                        made = [pick(parts)] if kind == FIRST else pick(parts)
                    del values[1 - count :], states[-count:], places[1 - count :]
                    values[-1] = made
                else:
                    values.append(action if kind == NOTHING else action(context, at))
                    places.append(at)
                key = (states[-1], left, terminal)
                target = chains.get(key)
                if target is None:
                    target = chains[key] = self._chain(*key)
                state = target
                states.append(state)
            if len(states) > limit:
                raise TooDeep(token)
        raise AssertionError("the last token is the end")

    def _chain(self, below: int, left: int, terminal: int) -> int:
        """The state after a reduction to `left`, and after all those in a row that only pass its value through."""
        while True:
            state = self.row(below)[left] >> 1
            number = self._defaults[state]
            if number == NO_DEFAULT:
                code = self.row(state).get(terminal, 0)
                if not code & 1:
                    return state
                number = code >> 1
            left, count, kind, *_ = self._rules[number]
            if count != 1 or kind != PASS:
                return state

    # -- what could have come -------------------------------------------------------------------------------------

    def viable(self, states: Sequence[int], start: str) -> list[int]:
        """The terminals (and `end`) that can really follow: each one is tried on a copy of the stack."""
        return [terminal for terminal in self._candidates(states) if self._accepts(list(states), terminal, start)]

    def _candidates(self, states: Sequence[int]) -> Sequence[int]:
        state = states[-1]
        if self._defaults[state] != NO_DEFAULT:
            return range(self.end + 1)
        return [*(symbol for symbol in sorted(self.row(state)) if symbol < self.end), self.end]

    def _accepts(self, states: list[int], terminal: int, start: str) -> bool:
        goal = self._tables.STARTS[start][1]
        while True:
            state = states[-1]
            number = self._defaults[state]
            if number == NO_DEFAULT:
                code = self.row(state).get(terminal)
                if code is None:
                    return terminal == self.end and state == goal
                if not code & 1:
                    return True
                number = code >> 1
            left, count, *_ = self._rules[number]
            if count:
                del states[-count:]
            states.append(self.row(states[-1])[left] >> 1)


def _bind(rule: RuleData, actions: type) -> _Rule:
    """The rule with its action looked up and a function that picks the parts."""
    left, count, kind, name, picks = rule
    action = getattr(actions, name) if kind == ACTION else None
    if isinstance(action, Constant):
        kind, action = NOTHING, action.value
    place = getattr(action, "place", 0)
    pick: Any = None
    if count == 1:
        pick = True if picks else None
    elif kind in (ACTION, TUPLE):
        pick = itemgetter(*picks) if len(picks) > 1 else _pick_few(picks)
    elif picks:
        pick = _pick_item(picks[1:] if kind == APPEND else picks)
    return left, count, kind, action, place, pick


def _pick_few(picks: tuple[int, ...]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """As itemgetter, for one part or none."""
    if not picks:
        return lambda parts: ()
    index = picks[0]
    return lambda parts: (parts[index],)


def _pick_item(picks: tuple[int, ...]) -> Callable[[Sequence[Any]], Any]:
    """One part as it is, several as a tuple."""
    return itemgetter(*picks)
