"""A backup into an open database: its base gets all relations as new trees, in one publish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minidb.access.table import TableAccess
from minidb.backup.to_file import Progress
from minidb.errors import InvalidParameterValue, ObjectInUse
from minidb.isolation import IsolationLevel
from minidb.storage.roots import Root
from minidb.txn.relations import CatalogChange, decode_catalog

if TYPE_CHECKING:
    from minidb.database import Database


def backup_into(source: Database, target: Database, *, progress: Progress | None = None) -> int:
    """Copies everything in `source` into the open and empty database `target`; returns the commit that it stands for.

    Raises ObjectInUse if the target has objects, open transactions or readers of its changes."""
    source.check_usable()
    target.check_usable()
    if source is target:
        raise InvalidParameterValue("a database cannot be copied into itself")
    source.checkpoint()
    root = source.base.pin()
    session = target.session(isolation_level=IsolationLevel.SERIAL.value)
    try:
        session.begin()
        assert session.txn is not None
        target.manager.start_statement(session.txn, "backup")  # alone from here on
        refuse_used(target, session.txn)
        with target.checkpointer.mutex:
            target.checkpointer.run_locked(False)
            copy_relations(source, root, target, progress)
    finally:
        session.close()
        source.base.unpin(root)
    return root.number


def refuse_used(target: Database, own: object) -> None:
    catalog = target.relations.catalog
    if catalog.tables or catalog.views or catalog.sequences:
        raise ObjectInUse("the target of a backup has tables of its own", hint="Copy into an empty database.")
    with target.manager.latch:
        others = [txn for txn in target.manager.active if txn is not own]
    if others:
        raise ObjectInUse("the target of a backup has open transactions")
    if target.keeper.active:
        raise ObjectInUse("the target of a backup has slots or an archive", hint="A feed would not show the copy.")


def copy_relations(source: Database, root: Root, target: Database, progress: Progress | None) -> None:
    catalog = decode_catalog(root.catalog)
    total = sum(top.pages for top in root.relations.values())
    left = total
    target.before_write()
    writer = target.base.begin()
    try:
        for table in catalog.tables.values():
            access = TableAccess(source.base, table, source.relations.functions(table))
            for tree, layout, clustered in trees_of(access):
                if tree.relation in root.relations:
                    writer.fold_tree(
                        tree.relation, layout,
                        ((key, ref, row) for leaf in tree.walk(root)
                         for key, ref, row in zip(leaf.keys, leaf.refs, leaf.rows)),
                        clustered=clustered,
                    )
                    left -= root.relations[tree.relation].pages
                    if progress is not None:
                        progress("copying", left, total)
        made = writer.publish(target.base.root.number, root.catalog)
    except BaseException:
        writer.abandon()
        raise
    change = CatalogChange(
        tables=tuple(catalog.tables.values()), gone_tables=(), views=tuple(catalog.views.values()), gone_views=(),
        next_id=catalog.next_id, sequences=tuple(catalog.sequences.values()), comments=tuple(catalog.comments.values()),
    )
    with target.manager.latch:
        target.base.swap(made)
        target.relations.adopt(change, target.manager.published)
        target.relations.sequences.restore(catalog.points)


def trees_of(access: TableAccess) -> Iterator[tuple[Any, Any, bool]]:
    yield access.tree, access.layout, True
    for index in access.index_list:
        yield index.tree, index.layout, False
