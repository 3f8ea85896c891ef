"""sqlglot's trees as our SQL: its PostgreSQL, with our parameters, and without what we read otherwise."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ErrorLevel
from sqlglot.generators.postgres import PostgresGenerator

from minidb.errors import NotSupportedError
from minidb.sql.dialects.parameters import written
from minidb.sql.dialects.reading import quiet

HARMLESS = ("comments are not supported", "Hints are not supported", "TABLESAMPLE")


class Own(Postgres):
    class Generator(PostgresGenerator):
        TRANSFORMS = {
            **PostgresGenerator.TRANSFORMS,
            exp.Placeholder: lambda self, node: written(node.name) if node.name else "?",
            exp.HexString: lambda self, node: self.bytes_literal(node),
        }

        def bytes_literal(self, node: exp.HexString) -> str:
            digits = node.this
            return f"CAST('\\x{'0' * (len(digits) % 2)}{digits}' AS bytea)"

        def onconflict_sql(self, expression: exp.OnConflict) -> str:
            keys = self.expressions(expression, key="conflict_keys", flat=True)
            action = self.sql(expression, "action")
            changes = self.expressions(expression, flat=True)
            where = self.sql(expression, "where")
            index = self.sql(expression, "index_predicate") if expression.args.get("index_predicate") else ""
            parts = ["ON CONFLICT", f"({keys})" if keys else "", index, self._action(action), changes]
            return " " + " ".join(filter(None, parts)) + where

        def _action(self, action: str) -> str:
            return {"DO UPDATE": "DO UPDATE SET", "UPDATE": "DO UPDATE SET"}.get(action, action)

        def primarykeycolumnconstraint_sql(self, expression: exp.PrimaryKeyColumnConstraint) -> str:
            return "PRIMARY KEY CLUSTERED" if expression.args.get("clustered") else "PRIMARY KEY"

        def primarykey_sql(self, expression: exp.PrimaryKey) -> str:
            kind = "PRIMARY KEY CLUSTERED" if expression.args.get("clustered") else "PRIMARY KEY"
            return f"{kind} ({self.expressions(expression, flat=True)})"


def text_of(tree: exp.Expr) -> str:
    """The statement in our SQL. Raises NotSupportedError for what sqlglot says has no like in PostgreSQL."""
    with quiet():
        options: dict[str, Any] = {"identify": True, "unsupported_level": ErrorLevel.IGNORE, "comments": False}
        generator = Own().generator(**options)
        text: str = generator.generate(tree)
    missing = [m for m in generator.unsupported_messages if not any(known in m for known in HARMLESS)]
    if missing:
        raise NotSupportedError(f"cannot be translated: {missing[0]}")
    return text
