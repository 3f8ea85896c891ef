"""Reads a path: one function for each level of binding, loosest first.

    || --> && --> ! --> == != < <= > >= starts with like_regex --> + - --> * / % --> signs --> steps --> heads

A value and a predicate are read by the same functions, because only what follows a parenthesis tells which of them it
began; `_value` and `_predicate` then refuse the wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from minidb import errors
from minidb.jsonpath import nodes
from minidb.jsonpath.nodes import UNBOUNDED, Node, Predicate
from minidb.jsonpath.scanner import Token, failure, tokens

_COMPARISONS = {"==": "==", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_METHODS = frozenset({"abs", "size", "type", "floor", "double", "ceiling", "keyvalue"})
_CONSTANTS = {"true": True, "false": False, "null": None}
_STEPS = frozenset({".", "[", "?"})
_FLAGS = "ismxq"


@lru_cache(maxsize=256)
def parse(text: str) -> nodes.Program:
    """The path that `text` spells. Raises 42601, 22P02 for an empty text, 0A000 for a flag that is not implemented."""
    if not text.strip():
        raise errors.InvalidTextRepresentation(f'invalid input syntax for type jsonpath: "{text}"')
    try:
        return _Parser(text).program()
    except RecursionError:
        raise errors.DataError("stack depth limit exceeded", sqlstate="54001") from None


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(tokens(text))
        self.place = 0
        self.in_filter = 0
        self.in_subscript = 0

    # -- tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def take(self, kind: str) -> bool:
        """Goes past the token if it is of this kind."""
        if self.token.kind != kind:
            return False
        self.place += 1
        return True

    def word(self, *words: str) -> bool:
        """Goes past these keywords if they stand here."""
        found = [token.value for token in self.tokens[self.place : self.place + len(words)] if token.kind == "name"]
        if [str(value).lower() for value in found] != list(words):
            return False
        self.place += len(words)
        return True

    def expect(self, kind: str) -> None:
        if not self.take(kind):
            raise self.unexpected()

    def unexpected(self) -> errors.SyntaxError:
        return failure("syntax error", self.token.text)

    def string(self) -> str:
        value = self.token.value
        self.expect("string")
        return str(value)

    # -- the whole

    def program(self) -> nodes.Program:
        strict = self.word("strict")
        if not strict:
            self.word("lax")
        expression = self.disjunction()
        if self.token.kind != "end":
            raise self.unexpected()
        return nodes.Program(strict, expression)

    # -- predicates

    def _junction(self, symbol: str, operand: Callable[[], Node]) -> Node:
        left = operand()
        while self.token.kind == symbol:
            self._predicate(left)
            self.place += 1
            left = nodes.Junction(symbol, left, self._predicate(operand()))
        return left

    def disjunction(self) -> Node:
        return self._junction("||", self.conjunction)

    def conjunction(self) -> Node:
        return self._junction("&&", self.negation)

    def negation(self) -> Node:
        if not self.take("!"):
            return self.comparison()
        if self.word("exists"):
            return nodes.Not(self.exists())
        self.expect("(")
        inside = self._predicate(self.disjunction())
        self.expect(")")
        return nodes.Not(inside)

    def comparison(self) -> Node:
        left = self.sum()
        symbol = _COMPARISONS.get(self.token.kind)
        if symbol is not None:
            self._value(left)
            self.place += 1
            return nodes.Comparison(symbol, left, self._value(self.sum()))
        if self.word("starts", "with"):
            return nodes.StartsWith(self._value(left), self.initial())
        if self.word("like_regex"):
            pattern = self.string()
            flags = self.string() if self.word("flag") else ""
            return nodes.LikeRegex(self._value(left), pattern, _checked_flags(flags))
        return left

    def initial(self) -> Node:
        token = self.token
        if self.take("variable"):
            return nodes.Variable(token.value)
        return nodes.Literal(self.string())

    def exists(self) -> Node:
        self.expect("(")
        path = self._value(self.disjunction())
        self.expect(")")
        return nodes.Exists(path)

    def _value(self, node: Node) -> Node:
        if isinstance(node, Predicate):
            raise self.unexpected()
        return node

    def _predicate(self, node: Node) -> Node:
        if not isinstance(node, Predicate):
            raise self.unexpected()
        return node

    # -- arithmetic

    def _arithmetic(self, symbols: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        left = operand()
        while self.token.kind in symbols:
            symbol = self.token.kind
            self._value(left)
            self.place += 1
            left = nodes.Arithmetic(symbol, left, self._value(operand()))
        return left

    def sum(self) -> Node:
        return self._arithmetic(("+", "-"), self.product)

    def product(self) -> Node:
        return self._arithmetic(("*", "/", "%"), self.signed)

    def signed(self) -> Node:
        symbol = self.token.kind
        if symbol not in ("+", "-"):
            return self.path()
        self.place += 1
        operand = self._value(self.signed())
        if isinstance(operand, nodes.Literal) and type(operand.value) in (int, Decimal):
            return operand if symbol == "+" else nodes.Literal(-operand.value)
        return nodes.Sign(symbol, operand)

    # -- paths

    def path(self) -> Node:
        head = self.head()
        steps: list[Node] = []
        while self.token.kind in _STEPS:
            steps.append(self.step())
        return nodes.Path(head, tuple(steps)) if steps else head

    def head(self) -> Node:
        token = self.token
        if self.take("("):
            return self.parenthesis()
        if self.take("$"):
            return nodes.Root()
        if self.take("@"):
            if not self.in_filter:
                raise errors.SyntaxError("@ is not allowed in root expressions")
            return nodes.Current()
        if self.take("variable"):
            return nodes.Variable(token.value)
        if self.take("string") or self.take("number"):
            return nodes.Literal(token.value)
        return self.keyword()

    def keyword(self) -> Node:
        word = self.token.value
        if self.token.kind == "name" and word in _CONSTANTS:  # in lower case only
            self.place += 1
            return nodes.Literal(_CONSTANTS[word])
        if self.word("exists"):
            return self.exists()
        if self.word("last"):
            if not self.in_subscript:
                raise errors.SyntaxError("LAST is allowed only in array subscripts")
            return nodes.Last()
        raise self.unexpected()

    def parenthesis(self) -> Node:
        inside = self.disjunction()
        self.expect(")")
        if self.word("is", "unknown"):
            return nodes.IsUnknown(self._predicate(inside))
        return inside

    # -- steps

    def step(self) -> Node:
        if self.take("?"):
            self.expect("(")
            self.in_filter += 1
            predicate = self._predicate(self.disjunction())
            self.in_filter -= 1
            self.expect(")")
            return nodes.Filter(predicate)
        if self.take("["):
            return self.subscripts()
        self.expect(".")
        if self.take("*"):
            return nodes.AnyKey()
        if self.take("**"):
            return self.levels()
        return self.member()

    def member(self) -> Node:
        token = self.token
        if token.kind not in ("name", "string"):
            raise self.unexpected()
        self.place += 1
        if token.kind == "string" or self.token.kind != "(":
            return nodes.Key(token.value)
        name = token.value.lower()
        if name not in _METHODS and name != "datetime":
            raise self.unexpected()
        self.place += 1
        argument = self.string() if name == "datetime" and self.token.kind == "string" else None
        self.expect(")")
        return nodes.Method(name, argument)

    def subscripts(self) -> Node:
        if self.take("*"):
            self.expect("]")
            return nodes.AnyElement()
        self.in_subscript += 1
        ranges = [self.range()]
        while self.take(","):
            ranges.append(self.range())
        self.in_subscript -= 1
        self.expect("]")
        return nodes.Subscripts(tuple(ranges))

    def range(self) -> tuple[Node, Node | None]:
        first = self._value(self.sum())
        return first, self._value(self.sum()) if self.word("to") else None

    def levels(self) -> Node:
        if not self.take("{"):
            return nodes.Levels(0, UNBOUNDED)
        first = last = self.level()
        if self.word("to"):
            last = self.level()
        self.expect("}")
        return nodes.Levels(first, last)

    def level(self) -> int:
        if self.word("last"):
            return UNBOUNDED
        value = self.token.value
        if type(value) is not int:
            raise self.unexpected()
        self.place += 1
        return value


def _checked_flags(flags: str) -> str:
    for flag in flags:
        if flag not in _FLAGS:
            raise errors.SyntaxError(
                "invalid input syntax for type jsonpath",
                detail=f'Unrecognized flag character "{flag}" in LIKE_REGEX predicate.',
            )
    if "x" in flags and "q" not in flags:
        raise errors.NotSupportedError('XQuery "x" flag (expanded regular expressions) is not implemented')
    return "".join([flag for flag in _FLAGS if flag in flags])
