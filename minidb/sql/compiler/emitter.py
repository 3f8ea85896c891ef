"""The source under construction: a factory function whose arguments are the constants.

    def make(k1, f2, ...):
        def part3(rows, p, c, s): ...
        def run(rows, p, c): ...
        return run

Invariants:
 1. No text of the user enters the source: names are generated, values arrive as arguments of `make`. Only numbers,
    True, False and None are printed.
 2. Functions refer to each other through the factory's cells and the module's globals hold none of them, so a dropped
    statement is freed by reference counts, without the garbage collector. Many functions are made by several
    factories, one after the other; each is given what it mentions of the functions made before.
 3. A traceback shows the source through `__loader__.get_source`; nothing is registered in linecache.
 4. `rows` is the door to data, `p` the parameters, `c` the function context, `s` the slots of this run (results of
    subqueries and common table expressions that are kept).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from types import CodeType
from typing import Any

_NAMES = re.compile(r"[a-z_]\w*")
_PRINTED = (int, bool, type(None))
_numbers = count(1)
ARGUMENTS = "rows, p, c, s"
REMEMBERED = 500  # sources whose code is kept
LONGEST = 10_000  # characters of such a source
CHAPTER = 200  # functions made by one factory: Python's compiler copies all names of it for each function inside


class SourceLoader:
    """Gives tracebacks the source of a generated module (PEP 302)."""

    def __init__(self, source: str) -> None:
        self.source = source

    def get_source(self, name: str) -> str:
        return self.source


class Module:
    """Names, constants and finished functions of one statement."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        self.slots = 0
        self.calculates = False  # whether Python's arithmetic errors may come out of the functions
        self._functions: list[tuple[str, str]] = []
        self._by_value: dict[Any, str] = {}
        self._last: dict[str, int] = {}

    def name(self, prefix: str) -> str:
        """A name that this module has not used yet."""
        number = self._last[prefix] = self._last.get(prefix, 0) + 1
        return f"{prefix}{number}"

    def constant(self, value: Any, prefix: str = "k") -> str:
        """An expression for `value`: printed if it is a small number, else an argument of the factory."""
        if type(value) in _PRINTED and (type(value) is not int or -(2**63) <= value < 2**63):
            return repr(value) if type(value) is not int or value >= 0 else f"({value})"
        key = id(value)
        name = self._by_value.get(key)
        if name is None:
            name = self._by_value[key] = self.name(prefix)
            self.constants[name] = value  # keeps it alive, so that its id stays its own
            self.calculates = self.calculates or callable(value)
        return name

    def slot(self) -> str:
        """A place in the slots of a run."""
        self.slots += 1
        return f"s[{self.slots - 1}]"

    @property
    def has_functions(self) -> bool:
        return bool(self._functions)

    def add(self, function: Function) -> None:
        """Behind all functions that it calls."""
        self._functions.append((function.name, function.text()))

    def build(self, entry: str) -> tuple[Callable[..., Any], str]:
        """The function called `entry`, which was added last, and the source of the module."""
        known = self.constants
        if len(self._functions) <= CHAPTER:
            made, source = _make([text for _, text in self._functions], known, entry)
            return made, source
        sources = []
        for first in range(0, len(self._functions), CHAPTER):
            chapter = self._functions[first : first + CHAPTER]
            names = [name for name, _ in chapter]
            texts = [text for _, text in chapter]
            used = {name for text in texts for name in _NAMES.findall(text)}
            made, source = _make(texts, {n: v for n, v in known.items() if n in used}, f"({', '.join(names)},)")
            known = {**known, **dict(zip(names, made))}
            sources.append(source)
        return known[entry], "\n".join(sources)


def _make(functions: Iterable[str], known: dict[str, Any], result: str) -> tuple[Any, str]:
    """(the value of `result` among `functions`, which mention what is `known`; the source)."""
    body = "\n".join(functions)
    source = f"def make({', '.join(known)}):\n{body}\n    return {result}\n"
    code = _fresh(_compiled(source)) if len(source) <= LONGEST else _compiled.__wrapped__(source)
    scope: dict[str, Any] = {"__name__": code.co_filename, "__loader__": SourceLoader(source)}
    exec(code, scope)
    return scope.pop("make")(*known.values()), source


@lru_cache(REMEMBERED)
def _compiled(source: str) -> CodeType:
    """Many statements are made more than once, and come out the same: after their tables' statistics or definitions
    have changed, in other sessions' settings, in another database of the process."""
    code: CodeType = compile(source, f"minidb-statement-{next(_numbers)}", "exec")
    return code


def _fresh(code: CodeType) -> CodeType:
    """A copy: the interpreter notes in the code itself what it has met, and each statement meets something else."""
    return code.replace(co_consts=tuple([_fresh(c) if type(c) is CodeType else c for c in code.co_consts]))


class Function:
    """Lines of one generated function.

    flush: lines that a scan prints after each batch, where the function streams its rows.
    sets: its argument p is a list of so many parameters each, and its lines are run for each of them.
    translator: name of a function that makes another error of one of Python's arithmetic, which is raised instead.
    """

    def __init__(self, module: Module, name: str, arguments: str = ARGUMENTS) -> None:
        self.module = module
        self.name = name
        self.arguments = arguments
        self.flush: tuple[str, ...] = ()
        self.sets = 0
        self.translator = ""
        self._lines: list[str] = []
        self._level = 2
        self._parameters: set[int] = set()
        self._hoisted: dict[str, str] = {}

    def parameter(self, index: int) -> str:
        self._parameters.add(index)
        return f"p{index}"

    def hoist(self, text: str, prefix: str = "q") -> str:
        """A name for the value of `text`, over constants and parameters, computed once at the function's start."""
        name = self._hoisted.get(text)
        if name is None:
            name = self._hoisted[text] = self.module.name(prefix)
        return name

    def add(self, line: str) -> None:
        self._lines.append("    " * self._level + line)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Lines added inside stand indented below `header`."""
        self.add(header)
        self._level += 1
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.add("pass")
        self._level -= 1

    @contextmanager
    def no_flush(self) -> Iterator[None]:
        """Inside, batches end without handing rows out: a hash table or a list is being filled."""
        flush, self.flush = self.flush, ()
        yield
        self.flush = flush

    def batch_end(self) -> None:
        for line in self.flush:
            self.add(line)

    def absorb(self, other: Function) -> None:
        """Takes over the lines of `other`."""
        self._lines += other._lines
        self._parameters |= other._parameters
        self._hoisted.update(other._hoisted)

    def names_used(self) -> set[str]:
        """Every name in the lines."""
        return {name for line in self._lines for name in _NAMES.findall(line)}

    def text(self) -> str:
        lines = self._loop_over_sets() if self.sets else self._body()
        if self.translator:
            lines = self._guarded(lines)
        return "\n".join([f"    def {self.name}({self.arguments}):", *lines])

    def _body(self) -> list[str]:
        loads = [f"        p{index} = p[{index}]" for index in sorted(self._parameters)]
        loads += [f"        {name} = {text}" for text, name in self._hoisted.items()]
        return loads + (self._lines or ["        pass"])

    def _guarded(self, lines: list[str]) -> list[str]:
        return [
            "        try:",
            *[f"    {line}" for line in lines],
            "        except ArithmeticError as error:",
            f"            raise {self.translator}(error) from None",
        ]

    def _loop_over_sets(self) -> list[str]:
        names = ", ".join([f"p{index}" for index in range(self.sets)])
        lines = [f"        {name} = {text}" for text, name in self._hoisted.items()] + self._lines
        return [
            "        made = []",
            "        add = made.append",
            f"        for {names}, in p:",
            *[f"    {line}" for line in lines],
            "        return made",
        ]
