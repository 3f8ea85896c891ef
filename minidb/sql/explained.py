"""What EXPLAIN tells of a statement: a tree of operators, written as text or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec


class Explained(msgspec.Struct):
    """One operator: its title, details as (label, text), estimate, truth, and inputs."""

    title: str
    details: list[tuple[str, str]]
    estimated: float
    actual: int | None  # rows of one run, on average
    inputs: list[Explained]
    label: str = ""  # 'SubPlan', 'CTE x'
    loops: int = 1  # runs
    seconds: float = 0.0  # of one run, with all that is below
    memory: int = 0  # bytes that the operator itself held at most
    disk: int = 0  # bytes that it wrote to temporary files

    def lines(self, depth: int = 0) -> Iterator[str]:
        truth = self._truth()
        if depth and self.label:
            yield " " * (6 * depth - 4) + self.label
        head = "" if depth == 0 else " " * (6 * depth - 4) + "->  "
        yield f"{head}{self.title}  (estimated rows={max(round(self.estimated), 0)}{truth})"
        for label, text in self.details:
            yield f"{' ' * (6 * depth + 2)}{label}: {text}"
        if self.memory:
            disk = f"  Disk: {kilobytes(self.disk)}kB" if self.disk else ""
            yield f"{' ' * (6 * depth + 2)}Memory: {kilobytes(self.memory)}kB{disk}"
        for child in self.inputs:
            yield from child.lines(depth + 1)

    def _truth(self) -> str:
        if self.actual is None:
            return ""
        if self.loops == 0:
            return ", never executed"
        loops = f" loops={self.loops}" if self.loops != 1 else ""
        time = f" time={self.seconds * 1000:.3f} ms" if self.seconds else ""
        return f", actual rows={self.actual}{loops}{time}"

    def as_dict(self) -> dict[str, Any]:
        """For FORMAT JSON."""
        result: dict[str, Any] = {"Node": self.title, "Estimated Rows": max(round(self.estimated), 0)}
        if self.label:
            result["Role"] = self.label
        if self.actual is not None:
            result["Actual Rows"] = self.actual
            result["Actual Loops"] = self.loops
            result["Actual Total Time"] = round(self.seconds * 1000, 3)
        if self.memory:
            result["Peak Memory Usage"] = kilobytes(self.memory)
            result["Disk Usage"] = kilobytes(self.disk)
        for label, text in self.details:
            result[label] = text if label not in result else [*listed(result[label]), text]
        if self.inputs:
            result["Plans"] = [child.as_dict() for child in self.inputs]
        return result


def kilobytes(size: int) -> int:
    """As PostgreSQL tells sizes: begun ones count."""
    return (size + 1023) // 1024


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
