"""The syntax of minidb's SQL, as frozen records: what the parser makes and the binder reads.

    text --parser--> Statement --binder--> plan          Statement --printer--> text

The tree says what was written, not what it means: names are not looked up, types are not known, numbers keep
their spelling. Conventions that hold for every node:

1. `at` is the offset of the node's place in the statement's text, in characters, -1 if it has none. It is the place an
   error's caret points to: for an operator the operator, for everything else its first character.
   `at` takes part in `==`; compare with `same(a, b)` where positions must not matter.
2. Names are folded already: unquoted ones to lower case, quoted ones as they stand.
3. Sequences are tuples, an absent clause is `()` or None.
4. Words that are a choice (`kind`, `operator`, `action`, ...) are lower case strings, listed in the field's type.
5. A chain of binary operators or of set operations is left-deep and may be thousands of nodes long: loop along `.left`.
   AND and OR are flat. Everything else is nested no deeper than the parser's limit allows, so recursion is safe.

    nodes, literals, windows, expressions    what statements are made of
    queries                                  SELECT, and INSERT, UPDATE, DELETE, MERGE
    session, definitions, alterations        transactions, settings, cursors; CREATE and DROP; ALTER
    trees                                    walking over trees, comparing them

Whoever uses them writes `ast.Select`, `ast.Insert`: they are one vocabulary on several pages. Nothing here imports
anything else of minidb.
"""

from __future__ import annotations

from minidb.sql.ast.alterations import *  # noqa: F403
from minidb.sql.ast.definitions import *  # noqa: F403
from minidb.sql.ast.expressions import *  # noqa: F403
from minidb.sql.ast.literals import *  # noqa: F403
from minidb.sql.ast.nodes import *  # noqa: F403
from minidb.sql.ast.queries import *  # noqa: F403
from minidb.sql.ast.session import *  # noqa: F403
from minidb.sql.ast.trees import *  # noqa: F403
from minidb.sql.ast.windows import *  # noqa: F403
