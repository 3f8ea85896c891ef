"""Functions, aggregates, window functions and collations written in Python: sqlite3's methods, with types.

They belong to the connection. Without types a function takes anything, and returns what its annotation says, or text:

    def half(value: int) -> int: ...
    connection.create_function("half", 1, half, deterministic=True)
    connection.create_function("vat", 2, vat, arguments=("numeric", "text"), returns="numeric")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Registration:
    """What a connection can be given."""

    session: Any

    def create_function(self, name: str, narg: int, func: Callable[..., Any] | None, *, deterministic: bool = False,
                        arguments: Sequence[Any] | None = None, returns: Any = None) -> None:
        """Makes `func` a function of SQL with `narg` arguments (-1: any number); None takes it away again.

        Args:
            deterministic: the same arguments always give the same result, so that calls may be saved.
            arguments: SQL types by name ('integer') or Python class (int); the last one counts for all further ones
                if `narg` is -1.
            returns: the type of the result.
        NULL arrives as None. An exception ends the statement with OperationalError 38000 and is its __cause__."""
        self.session.python_functions().add_function(name, narg, func, deterministic, arguments, returns)

    def create_aggregate(self, name: str, n_arg: int, aggregate_class: Callable[[], Any] | None, *,
                         arguments: Sequence[Any] | None = None, returns: Any = None) -> None:
        """Makes a class an aggregate: an object per group, whose step(*arguments) is called for each row, and
        finalize() at the end. It can be used with OVER if finalize() may be called several times."""
        self.session.python_functions().add_aggregate(name, n_arg, aggregate_class, arguments, returns)

    def create_window_function(self, name: str, num_params: int, aggregate_class: Callable[[], Any] | None, *,
                               arguments: Sequence[Any] | None = None, returns: Any = None) -> None:
        """As create_aggregate, for a class with step() and value(). `inverse` is not called: a frame whose start moves
        is computed anew."""
        self.session.python_functions().add_aggregate(name, num_params, aggregate_class, arguments, returns)

    def create_collation(self, name: str, func: Callable[[str, str], int] | None) -> None:
        """Makes `func(a, b)`, which is negative, 0 or positive, an order of texts for COLLATE in ORDER BY and in
        comparisons; None takes it away again."""
        self.session.python_functions().add_collation(name, func)
