"""A job queue: three workers take jobs with FOR UPDATE SKIP LOCKED, none twice, and one of them crashes.

python examples/job_queue.py
"""

import minidb

database = minidb.Database(":memory:")
setup = database.connect(autocommit=True)
setup.execute("CREATE TABLE job (id int PRIMARY KEY, task text NOT NULL, done_by text)")
setup.execute("INSERT INTO job SELECT n, 'task ' || n FROM generate_series(1, 4) n")
TAKE = "SELECT id, task FROM job WHERE done_by IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
workers = {name: database.connect() for name in ("ada", "alan", "grace")}


def take(name: str) -> int | None:
    """The next job that nobody has: it is locked until the worker commits."""
    row = workers[name].execute(TAKE).fetchone()
    print(f"{name} takes {row[1] if row else 'nothing'}")
    return row[0] if row else None


def finish(name: str, job: int) -> None:
    workers[name].execute("UPDATE job SET done_by = ? WHERE id = ?", (name, job))
    workers[name].commit()


jobs = {name: take(name) for name in workers}  # all at the same time: nobody waits
finish("ada", jobs["ada"])
workers["alan"].close()  # a crash: the transaction is rolled back, its job is free again
finish("grace", jobs["grace"])
for name in ("ada", "grace", "ada"):
    job = take(name)
    if job is not None:
        finish(name, job)
for row in setup.execute("SELECT id, done_by FROM job ORDER BY id"):
    print(*row)
