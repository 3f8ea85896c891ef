"""The bank that all workloads share: its tables, its rows, and every statement that is measured.

    account   id, owner, branch, opened, balance      as many as asked for; `opened` is a permutation of 0 .. rows - 1
    branch    id, name, balance                       100
    teller    id, branch, balance                     1,000
    history   teller, branch, account, delta          empty: TPC-B appends to it

`opened` has the one secondary index, which also holds `branch`, so that a range of 20 values is answered from it with
or without a visit to the table. `balance` stands in no index.

Nothing but the standard library is imported here, since the memory of processes that import this is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

BRANCHES = 100
TELLERS = 1000
SPREAD = 7919  # a prime: multiples of it, modulo the number of rows, visit all of them in no order
Row = tuple[int, str, int, int, int]

ACCOUNT_COLUMNS = (
    "id bigint PRIMARY KEY, owner text NOT NULL, branch int NOT NULL, opened bigint NOT NULL, balance bigint NOT NULL"
)
TABLES = (
    f"CREATE TABLE account ({ACCOUNT_COLUMNS})",
    "CREATE TABLE branch (id int PRIMARY KEY, name text NOT NULL, balance bigint NOT NULL)",
    "CREATE TABLE teller (id int PRIMARY KEY, branch int NOT NULL, balance bigint NOT NULL)",
    "CREATE TABLE history (teller int NOT NULL, branch int NOT NULL, account bigint NOT NULL, delta bigint NOT NULL)",
)


class Index(NamedTuple):
    """An index on account, and the columns that it holds besides, for those who can tell them apart."""

    name: str
    columns: str
    included: str = ""


COVERING = Index("account_opened", "opened", "branch")
TWO_INDEXES = (Index("account_opened", "opened"), Index("account_branch", "branch"))


class Fetch(Enum):
    NOTHING = "nothing"
    ONE = "one row"
    ALL = "all rows"


class Statement(NamedTuple):
    """What is executed, with the name under which an engine without SQL knows it."""

    name: str
    sql: str
    fetch: Fetch = Fetch.NOTHING


POINT = Statement("account_of", "SELECT * FROM account WHERE id = ?", Fetch.ONE)
RANGE = Statement("accounts_opened", "SELECT * FROM account WHERE opened BETWEEN ? AND ?", Fetch.ALL)
COVERED = Statement("branches_opened", "SELECT opened, branch FROM account WHERE opened BETWEEN ? AND ?", Fetch.ALL)
FILTERED = Statement(
    "total_of_sevenths", "SELECT count(*), sum(balance), avg(balance) FROM account WHERE balance % 7 = 3", Fetch.ALL
)
GROUPED = Statement("totals", "SELECT branch, count(*), sum(balance) FROM account GROUP BY branch", Fetch.ALL)
JOINED = Statement(
    "richest",
    "SELECT b.name, count(*), sum(a.balance) AS total FROM account a JOIN branch b ON b.id = a.branch "
    "GROUP BY b.name ORDER BY total DESC LIMIT 10",
    Fetch.ALL,
)
EVERYTHING = Statement("everything", "SELECT * FROM account", Fetch.ALL)
BALANCE = Statement("balance_of", "SELECT balance FROM account WHERE id = ?", Fetch.ONE)
DEPOSIT = Statement("deposit", "UPDATE account SET balance = balance + ? WHERE id = ?")
TELLER = Statement("add_to_teller", "UPDATE teller SET balance = balance + ? WHERE id = ?")
BRANCH = Statement("add_to_branch", "UPDATE branch SET balance = balance + ? WHERE id = ?")
HISTORY = Statement("remember", "INSERT INTO history VALUES (?, ?, ?, ?)")


def scattered(number: int, rows: int) -> int:
    """The number-th of a sequence that visits 0 .. rows - 1 in no order."""
    return number * SPREAD % rows


def accounts(rows: int) -> Iterator[Row]:
    for i in range(rows):
        yield i, f"owner {i}", i % BRANCHES, scattered(i, rows), i * 31 % 10007


def branches() -> Iterator[tuple[int, str, int]]:
    return ((i, f"branch {i}", 0) for i in range(BRANCHES))


def tellers() -> Iterator[tuple[int, int, int]]:
    return ((i, i % BRANCHES, 0) for i in range(TELLERS))
