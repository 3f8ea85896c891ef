"""The change feed: committed changes of rows and of the schema, in commit order, read from the log.

    log (live and kept segments) --LogTail--> commits --ChangeDecoder--> Change, Change, ...
                                                           |
                                        the catalog as of each commit, carried on by the changes in the log

A feed begins after a commit, or where a slot's reader has got to. It gives each commit's changes in one piece, and
only what is durable. `acknowledge` says that everything up to a commit has been handled: what comes after a crash of
either side begins behind the last acknowledged one, so that nothing is lost; what was handled and not yet acknowledged
comes again, and its commit number tells.

What a transaction did to one row is one change: inserted and updated is an insert with the last values, inserted and
deleted is nothing. A change of a clustered primary key is a delete and an insert.

A feed beside a database reads files only: it works while another process has the database open, too.

    feeds      Feed, and where one begins
    decoder    commits into changes
    change     Change; its values in Python and in JSON
"""

from __future__ import annotations

from minidb.changes.change import Change, json_line
from minidb.changes.feeds import Feed, feed_beside, feed_of

__all__ = ["Change", "Feed", "feed_beside", "feed_of", "json_line"]
