"""A list that knows which of its items were asked for: the rules of a grammar that a parser has met."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Noting(list[Any]):
    def __init__(self, items: Iterable[Any]) -> None:
        super().__init__(items)
        self.met: set[int] = set()

    def __getitem__(self, index: Any) -> Any:
        self.met.add(index)
        return super().__getitem__(index)
