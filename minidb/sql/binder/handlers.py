"""Handlers by the kind of node that they bind: each module of the binder adds its own to a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

H = TypeVar("H", bound=Callable[..., Any])


def registrar(handlers: dict[type, Any]) -> Callable[[type], Callable[[H], H]]:
    """A decorator, called with a kind of node, that enters a handler in a table."""

    def binds(kind: type) -> Callable[[H], H]:
        def register(handler: H) -> H:
            handlers[kind] = handler
            return handler

        return register

    return binds
