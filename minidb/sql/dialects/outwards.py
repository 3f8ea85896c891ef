"""Our SQL in the words of other databases: what a dump needs of views, checks, defaults and index expressions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlglot import exp, parse_one
from sqlglot.dialects import Dialect
from sqlglot.errors import ErrorLevel, SqlglotError

from minidb.errors import NotSupportedError
from minidb.sql.dialects.reading import quiet

UNTYPED = ("TEXT", "VARCHAR")


def expression(text: str, target: str) -> str:
    """Raises NotSupportedError for what the target cannot say."""
    with translating(text, target):
        tree = parse_one(f"SELECT {text}", read="postgres")
        return written(tree.transform(plainer, target), target).removeprefix("SELECT ")


def query(text: str, target: str) -> str:
    with translating(text, target):
        return written(parse_one(text, read="postgres").transform(plainer, target), target)


@contextmanager
def translating(text: str, target: str) -> Iterator[None]:
    """Without sqlglot's warnings, and with our error instead of its errors."""
    try:
        with quiet():
            yield
    except SqlglotError as error:
        raise NotSupportedError(f"cannot translate to {target}: {text}", detail=str(error).split("\n")[0]) from None


def written(tree: exp.Expr, target: str) -> str:
    generator = Dialect.get_or_raise(target).generator(unsupported_level=ErrorLevel.RAISE, identify=True)
    text: str = generator.generate(tree)
    return text


def plainer(node: exp.Expr, target: str) -> exp.Expr:
    """`'x'::text` is 'x': other databases have other names for that type, and strings need none."""
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.this.is_string:
        if node.to.this.value in UNTYPED and not node.to.expressions:
            return node.this
    return node
