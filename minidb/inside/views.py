"""All views of the engine's inside, by name."""

from __future__ import annotations

from minidb.inside import information_schema, locks, relations, transactions, versions
from minidb.inside.view import View

VIEWS: dict[str, View] = {
    **transactions.VIEWS,
    **locks.VIEWS,
    **versions.VIEWS,
    **relations.VIEWS,
    **information_schema.VIEWS,
}
