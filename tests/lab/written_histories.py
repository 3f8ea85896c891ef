"""Histories written by hand, in the notation of Berenson et al. and Adya, without an engine.

    r1(x)       transaction 1 reads row x by its place        l1(x)       takes it in its newest version
    p1(P)       reads all rows with key P through the index   p1(*)       ... the whole index
    w1(x)       changes row x                                 w1(x:P>Q)   ... and its key from P to Q; `-` is no entry
    i1(x:P)     inserts x with key P                          x1(x:P)     deletes it
    s1          takes a savepoint                             u1          rolls back to it
    c1  a1      commits, aborts

Each token is a statement, but for those that a `+` joins: `q1(P)+l1(x)+w1(x)` is an UPDATE with its locking search q.
Reads see what is committed then ("read committed"), what was committed when their transaction began ("snapshot"), or
anything ("read uncommitted"); `r1(x)@now` reads what is committed then at any level. Rows are of table `t` and have the
key `P` in index `t_key` unless the history says otherwise.
"""

from __future__ import annotations

import re

from minidb.history import Account, History, Point, Read, Relation, Write
from minidb.keys import HIGHEST, LOWEST

TABLE, INDEX = 1, 2
TOKEN = re.compile(r"([a-z])(\d+)(?:\(([^)]*)\))?(?:@(.+))?")
VERBS = {
    "r": "SELECT", "p": "SELECT", "l": "SELECT FOR UPDATE", "q": "UPDATE", "w": "UPDATE", "i": "INSERT", "x": "DELETE",
}


class Writer:
    """Builds one history token by token."""

    def __init__(self, level: str, unique: bool = False) -> None:
        self.level = level
        self.history = History(
            relations={TABLE: Relation("t"), INDEX: Relation("t", "t_key", unique, ("key",))}
        )
        self.published = 0
        self.snapshots: dict[int, float] = {}
        self.savepoints: dict[int, int] = {}

    def account(self, number: int) -> Account:
        accounts = self.history.accounts
        if number not in accounts:
            accounts[number] = Account(number, f"T{number}", self.level, self.history.tick(), statements={})
            self.snapshots[number] = self.published
        return accounts[number]

    def perform(self, statement: str) -> None:
        for i, token in enumerate(statement.split("+")):
            self.act(token, i == 0)

    def act(self, token: str, begins: bool) -> None:
        match = TOKEN.fullmatch(token)
        assert match is not None, token
        verb, number, inside, level = match[1], int(match[2]), match[3] or "", match[4] or self.level
        account = self.account(number)
        statement = len(account.statements) + begins
        if verb in VERBS and begins:
            account.statements[statement] = f"{VERBS[verb]} {inside}"
        if verb in "rlpq":
            self.read(number, statement, verb, inside, level)
        elif verb in "wix":
            self.write(number, statement, verb, inside)
        else:
            self.end(account, verb)

    def read(self, number: int, statement: int, verb: str, inside: str, level: str) -> None:
        as_of = self.snapshots[number] if level == "snapshot" and verb != "l" else self.published
        if verb in "pq":
            relation, low, high = INDEX, (inside, 0), (inside, 1)
            if inside == "*":
                low, high = (LOWEST, 0), (HIGHEST, 1)
        else:
            relation, low, high = TABLE, (inside, 0), (inside, 1)
        kind, dirty = "locking" if verb in "lq" else "plain", level == "read uncommitted"
        facts = self.history
        facts.reads.append(Read(facts.tick(), number, statement, relation, low, high, as_of, dirty, kind))

    def write(self, number: int, statement: int, verb: str, inside: str) -> None:
        ref, _, keys = inside.partition(":")
        old, _, new = keys.partition(">")
        old, new = old or "P", new or old or "P"
        before = () if verb == "i" else entries(ref, old)
        after = () if verb == "x" else entries(ref, new)
        points = tuple(dict.fromkeys((*before, *after)))
        self.history.writes.append(Write(
            self.history.tick(), number, statement, TABLE, ref, ref, None if verb == "i" else (old,),
            None if verb == "x" else (new,), points, before, after,
        ))

    def end(self, account: Account, verb: str) -> None:
        facts = self.history
        if verb == "s":
            self.savepoints[account.id] = facts.tick()
        elif verb == "u":
            since = self.savepoints[account.id]
            back = [write.time for write in facts.writes if write.transaction == account.id and write.time > since]
            facts.undone.update(back)
            facts.undone_at.update(dict.fromkeys(back, facts.tick()))
        elif verb == "a":
            account.aborted, account.ended = True, facts.tick()
        else:
            assert verb == "c", verb
            account.ended = facts.tick()
            wrote = any(write.transaction == account.id for write in facts.writes)
            self.published += wrote
            account.number = self.published if wrote else self.published + 0.5


def entries(ref: str, key: str) -> tuple[Point, ...]:
    return ((TABLE, ref),) if key == "-" else ((TABLE, ref), (INDEX, key))


def written(text: str, level: str = "read committed", unique: bool = False) -> History:
    """The history that `text` describes."""
    writer = Writer(level, unique)
    for token in text.split():
        writer.perform(token)
    return writer.history
