"""Which function binds which kind of statement; used where a statement stands inside another (WITH)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder.scope import Scope

StatementHandler = Callable[[Any, Scope], plan.Plan]
_HANDLERS: dict[type, StatementHandler] = {}
H = TypeVar("H", bound=StatementHandler)


def binds_statement(kind: type) -> Callable[[H], H]:
    """Registers the handler of a kind of statement."""

    def register(handler: H) -> H:
        _HANDLERS[kind] = handler
        return handler

    return register


def bind_statement(statement: ast.Statement, scope: Scope) -> plan.Plan:
    handler = _HANDLERS.get(type(statement))
    if handler is None:
        name = type(statement).__name__.upper()
        raise errors.NotSupportedError(f"{name} is not supported yet", position=max(statement.at, 0))
    return handler(statement, scope)
