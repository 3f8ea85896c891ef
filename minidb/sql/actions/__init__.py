"""From rules to nodes: one method per `-> name` of grammar/sql.lark, in one module per section of the grammar.

    BaseActions <- ExpressionActions <- QueryActions <- ChangeActions <- DefinitionActions <- SessionActions

Some methods have to look at the whole of a clause (an option given twice, an attribute without its constraint); they
raise the SyntaxError that the grammar cannot. Nothing here knows names or types of the database.
"""

from __future__ import annotations

from minidb.sql.actions.session import SessionActions

Actions = SessionActions

__all__ = ["Actions"]
