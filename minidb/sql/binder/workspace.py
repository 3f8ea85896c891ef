"""What all parts of one statement's binding share: the catalog view, numbers given out, parameters, tables used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.types import UNKNOWN, SqlType

if TYPE_CHECKING:
    from minidb.sql.binder.scope import Selection, SourceColumn
    from minidb.sql.functions.in_python import PythonFunctions


class CatalogView(Protocol):
    """What the binder may ask of the catalog."""

    @property
    def catalog(self) -> schema.Catalog: ...

    def virtual(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None:
        """The columns of a view of the engine's inside (`sys`, `information_schema`), None if there is none."""


class NotLiftable(Exception):
    """The value of a lifted literal decides the plan's shape: bind the text with its literals in place (R68)."""


# From the weakest: a statement that mentions a table twice locks it in the stronger mode.
LOCK_MODES = ("access share", "row share", "row exclusive")


class Workspace:
    """One statement's binding.

    `owners` says which SELECT a relation belongs to, `base_tables` which table a relation scans. `parameters` holds
    the types of the user's parameters, then those of the lifted literals, UNKNOWN until a context decides.
    """

    def __init__(
        self,
        view: CatalogView,
        parameter_types: Sequence[SqlType] = (),
        parameter_names: Sequence[str] = (),
        lifted_offset: int | None = None,
    ) -> None:
        self.view = view
        self.parameters = list(parameter_types)
        self.parameter_names = parameter_names
        self.lifted_offset = len(parameter_types) if lifted_offset is None else lifted_offset
        self.lifting = lifted_offset is not None
        self.owners: dict[int, Selection] = {}
        self.base_tables: dict[int, schema.Table] = {}
        self.views: dict[int, int] = {}  # relation -> id of the view that it stands for
        # FOR UPDATE over FROM items that are no tables, by the id of the item's node; the relations of those items.
        self.locks: dict[int, tuple[ast.Locking, ...]] = {}
        self.locked_inside: set[int] = set()
        self.table_modes: dict[int, str] = {}
        self.open_views: list[str] = []
        self.as_of: ast.AsOf | None = None  # of the query or view that is being bound
        self.own: PythonFunctions | None = getattr(view, "python", None)  # what the session has registered
        # What each `*` and each column name meant, by the id of its node, if somebody asks.
        self.stars: dict[int, Sequence[SourceColumn]] | None = None
        self.meanings: dict[int, plan.Expression] | None = None
        self._relations = 0
        self._ctes = 0

    @property
    def zone(self) -> str:
        """The session's time zone; UTC where no session is at hand."""
        return str(getattr(self.view, "settings", {}).get("timezone", "UTC"))

    def new_relation(self, owner: Selection | None = None) -> int:
        number = self._relations
        self._relations += 1
        if owner is not None:
            self.owners[number] = owner
        return number

    def new_cte(self) -> int:
        self._ctes += 1
        return self._ctes - 1

    def use_table(self, table: schema.Table, mode: str) -> None:
        known = self.table_modes.get(table.id)
        if known is None or LOCK_MODES.index(known) < LOCK_MODES.index(mode):
            self.table_modes[table.id] = mode

    def table_as_of(self, table: schema.Table, clause: ast.AsOf) -> schema.Table:
        """The table as it was: another one to all that follows, whose id the session knows. Raises 0A000."""
        if self.lifting:
            raise NotLiftable
        look_up = getattr(self.view, "table_as_of", None)
        if look_up is None:
            raise errors.NotSupportedError("AS OF is not supported here", position=clause.at)
        found: schema.Table = look_up(table, clause)
        return found

    @contextmanager
    def in_the_past(self, clause: ast.AsOf | None) -> Iterator[None]:
        """Tables that are bound meanwhile are meant as of `clause`."""
        before, self.as_of = self.as_of, clause
        try:
            yield
        finally:
            self.as_of = before

    # -- parameters

    def parameter(self, index: int, at: int) -> plan.Parameter:
        if not 0 <= index < self.lifted_offset:
            raise errors.UndefinedParameter(f"there is no parameter ${index + 1}", position=at)
        return plan.Parameter(type=self.parameters[index], index=index)

    def named_parameter(self, name: str, at: int) -> plan.Parameter:
        if name not in self.parameter_names:
            raise errors.UndefinedParameter(f"there is no parameter :{name}", position=at)
        return self.parameter(self.parameter_names.index(name), at)

    def lifted(self, index: int, kind: SqlType) -> plan.Parameter:
        index += self.lifted_offset
        while len(self.parameters) <= index:
            self.parameters.append(UNKNOWN)
        if kind != UNKNOWN:
            self.parameters[index] = kind
        return plan.Parameter(type=kind, index=index, nullable=False)

    def settle_parameter(self, index: int, kind: SqlType) -> SqlType:
        """Gives an untyped parameter the type that its context asks for; returns the type that it has then.

        Equal literals share one parameter: if they stand in contexts of different types, they cannot be lifted."""
        known = self.parameters[index]
        if known == UNKNOWN:
            self.parameters[index] = known = kind
        elif known != kind and index >= self.lifted_offset:
            raise NotLiftable
        return known


def locate(error: errors.Error, text: str) -> None:
    """Gives an error that has a place the text that the place belongs to."""
    if error.position is not None and error.position < 0:
        error.position = None
    if error.position is not None and error.statement is None:
        error.statement = text


@contextmanager
def located(at: int) -> Iterator[None]:
    """Gives errors of the inner floors (types, functions) the place in the statement that they belong to."""
    try:
        yield
    except errors.Error as error:
        if error.position is None and at >= 0:
            error.position = at
        raise
