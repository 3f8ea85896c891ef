"""Backups: a consistent copy of a database while others write, and databases made again from it and the archive.

    backup    checkpoint -> pin the new root -> copy its pages -> both meta pages, a label -> sync -> rename
    restore   copy of the backup -> its log made anew from archived commits, up to a time or a commit -> recovery

The base is copy-on-write: a pinned root stays as it is while commits and checkpoints go on (R18), so the copy is the
database as of one commit, and writers do not notice. The copy is a whole database, closed cleanly: it can be opened as
it is. Every page is checked as it is copied.

    slot 0 of a backup     | meta page, 512 bytes | label: whose backup, of which commit, made when | zeros |

A copy has a database id of its own, so that nothing takes its log for the original's. The label says which log goes on
from it. It counts only as long as the copy has not been written to: a database that has gone its own way cannot be
carried on with the log of another.

Copying *into an open database* goes by relations instead: the target's base gets them as new trees, in one publish.

    to_file, into_database, restoring    backup, backup_into, restore
    labels                               how a label is written and read
"""

from __future__ import annotations

from minidb.backup.into_database import backup_into
from minidb.backup.restoring import Restored, restore
from minidb.backup.to_file import backup

__all__ = ["Restored", "backup", "backup_into", "restore"]
