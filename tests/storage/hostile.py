"""Whatever is read from a file, and SQL text, given bytes that somebody made up: a value or an error of ours, never
anything else.

The checksums are left out: whoever makes a file to do harm makes them right. Each target takes what stands behind one,
or, where it takes a page or a file of the log as a whole, is given it with checksums that have been made right.

    make fuzz-bytes
    python tests/storage/hostile.py [--seconds S] [TARGET ...]

goes on for longer: with atheris (https://pypi.org/project/atheris), if it is installed, which looks for bytes that take
new branches, otherwise with the mutations below. Each target runs in a process of its own, since libFuzzer ends it.
"""

from __future__ import annotations

import argparse
import importlib.util
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zlib import crc32

from minidb.backup.labels import read_label
from minidb.database import Database
from minidb.errors import DatabaseCorrupt, Error
from minidb.sql.parser import parse
from minidb.storage import log_archive, log_format, meta, page_file, pages
from minidb.storage.codec import pack_key, unpack_key, unpack_keys
from minidb.storage.file import MemoryFileSystem
from minidb.storage.log_recovery import read_log
from minidb.storage.log_segments import SegmentFiles
from minidb.storage.log_tail import LogTail, SegmentGone
from minidb.txn import records
from minidb.txn.relations import decode_catalog

SETUP = """CREATE TABLE heap (id int PRIMARY KEY, n numeric(10, 2), t text, r real, d date, z timestamptz, i interval,
  b bytea, j jsonb, u uuid, a int[], f boolean, s smallint, l bigint);
CREATE INDEX heap_n ON heap (n DESC, t) INCLUDE (d);
CREATE TABLE clustered (a text, b int, c text DEFAULT 'x', PRIMARY KEY CLUSTERED (a, b), CHECK (b > 0));
CREATE UNIQUE INDEX clustered_c ON clustered (c) WHERE b > 5;
CREATE VIEW v AS SELECT a FROM clustered;
CREATE SEQUENCE sq START 5;
COMMENT ON TABLE heap IS 'all types';
INSERT INTO heap SELECT g, g / 3.0, 'row ' || g, g * 0.5, DATE '2026-01-01' + g, TIMESTAMPTZ '2026-01-01 12:00+00',
  INTERVAL '1 day', '\\x00ff', '{"a": [1, null]}', '00000000-0000-0000-0000-000000000001', ARRAY[g, NULL], true, g, g
  FROM generate_series(1, 9) g;
INSERT INTO heap (id) VALUES (100);
INSERT INTO clustered SELECT 'k' || g, g, 'c' || g FROM generate_series(1, 9) g"""


QUERIES = (
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT n, sum(n) OVER (ORDER BY n"
    " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FILTER (WHERE n > 2) FROM r",
    "SELECT a.*, (SELECT max(b) FROM t WHERE t.x = a.x) FROM a LEFT JOIN b USING (x, y) WHERE a.j ->> 'k' LIKE '%_'"
    " ESCAPE '!' GROUP BY ROLLUP (1, 2) HAVING count(*) > 1 ORDER BY 1 DESC NULLS LAST LIMIT 5 OFFSET ? FOR UPDATE",
    "INSERT INTO t (a, b) VALUES (1, DEFAULT), (:x, E'\\n\\u00e9') ON CONFLICT (a) DO UPDATE SET b = excluded.b"
    " RETURNING *",
    "UPDATE t SET (a, b) = (1, 2), c[1:2] = ARRAY[1.5e3, -2] FROM u WHERE t.a IN (SELECT $1::int) -- the end",
    "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (u.a)",
    "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; SET lock_timeout = '5s'; /* a /* b */ c */ COMMIT",
    'SELECT "quoted "" name", $tag$ text $tag$, X\'1F\', INTERVAL \'1 day\' FROM t AS OF COMMIT 5',
)
NAMES = (
    "key", "inner node", "catalog", "frames", "segment header", "batch header", "meta page", "label", "record",
    "index of kept segments", "file of the log", "page",
    "SQL text", "leaf of heap", "leaf of heap_pkey", "leaf of heap_n", "leaf of clustered",
    "leaf of clustered_c",
)


class Target(NamedTuple):
    read: Callable[[bytes], object]
    seeds: list[bytes]  # bytes as we write them


@lru_cache(1)
def targets() -> dict[str, Target]:
    files = MemoryFileSystem()
    database = Database("seed.mdb", files=files, background=False)
    database.set_archive("archive")
    session = database.session(autocommit=True)
    for sql in SETUP.split(";\n"):
        session.execute(sql)
    session.execute("UPDATE heap SET t = 'new' WHERE id < 4")
    session.execute("DELETE FROM clustered WHERE b < 3")
    log = bytes(files.names["seed.mdb-wal"].data)
    tail = LogTail(files, "seed.mdb", database.base.root.database_id, [], 0)
    payloads = [commit.payload for commit in tail.read_all()]
    tail.close()
    database.checkpoint()
    found = {**leaves(database), **reading(database, files, log), "record": record(database, payloads)}
    database.close()
    return found


def leaves(database: Database) -> dict[str, Target]:
    found = {}
    root = database.base.root
    for store in database.relations.stores.values():
        trees = [(store.name, store.tree, store.layout), *((i.schema.name, i.tree, i.layout) for i in store.index_list)]
        for name, tree, layout in trees:
            seeds = [layout.encode(leaf.keys, leaf.refs, leaf.rows) for leaf in tree.walk(root)]
            found[f"leaf of {name}"] = Target(leaf_reader(layout), seeds)
    return found


def leaf_reader(layout: Any) -> Callable[[bytes], object]:
    return lambda data: (pages.decode_leaf(layout, data), layout.parts(data))


def reading(database: Database, files: MemoryFileSystem, log: bytes) -> dict[str, Target]:
    root = database.base.root
    header = log_format.decode_segment_header(log[: log_format.BLOCK])
    assert header is not None
    batch = log_format.decode_batch_header(log[512:1024], root.database_id, header.generation, 512)
    assert batch is not None
    keys = [1, "a", (1, "b", None), 1.5, b"x"]
    inner = pages.encode_inner([1, "b"], [None, 7], [(1, 2, 3, 4)] * 3, [1, 2, 3])
    written = log[: log_format.round_up(len(log.rstrip(b"\0")))]
    index = bytes(files.names["archive/index"].data) if "archive/index" in files.names else b""
    index = index or next(bytes(inode.data) for name, inode in files.names.items() if name.startswith("archive/"))
    return {
        "key": Target(read_keys, [pack_key(key) for key in keys if key is not None]),
        "inner node": Target(pages.decode_inner, [inner]),
        "catalog": Target(decode_catalog, [root.catalog]),
        "frames": Target(frames, [log_format.decode_body(batch, log[512 : batch.end]).payload]),
        "segment header": Target(segment_header, [log[:512]]),
        "batch header": Target(lambda data: batch_header(root.database_id, header.generation, data), [log[512:1024]]),
        "meta page": Target(meta_page, [meta.encode_meta(root.meta)]),
        "label": Target(label, [bytes(100)]),
        "file of the log": Target(partial(log_file, root.database_id), [written]),
        "page": page_target(database),
        "SQL text": Target(sql_text, [text.encode() for text in (*SETUP.split(";\n"), *QUERIES)]),
        "index of kept segments": Target(kept_index, [index[log_archive._HEAD.size :]]),
    }


def read_keys(data: bytes) -> None:
    for read in (unpack_key, unpack_keys):
        try:
            read(data)
        except DatabaseCorrupt:
            pass


def frames(data: bytes) -> None:
    try:
        for _ in log_format.decode_frames(data):
            pass
    except ValueError as error:  # its callers know the file's name
        raise DatabaseCorrupt(str(error)) from error


def summed(data: bytes) -> bytes:
    """With the checksum made right that stands in the last four of its bytes."""
    return data[:-4] + struct.pack("<I", crc32(data[:-4])) if len(data) > 4 else data


def segment_header(data: bytes) -> object:
    size = log_format._SEGMENT.size
    return log_format.decode_segment_header((summed(data[: size + 4])).ljust(log_format.BLOCK, b"\0"))


def batch_header(database_id: bytes, generation: int, data: bytes) -> object:
    size = log_format._BATCH.size
    block = summed(data[: size + 4]).ljust(log_format.BLOCK, b"\0")
    found = log_format.decode_batch_header(block, database_id, generation, 512)
    return None if found is None else log_format.decode_body(found, data)


def meta_page(data: bytes) -> object:
    body = data[: meta._CRC_OFFSET].ljust(meta._CRC_OFFSET, b"\0")
    return meta.decode_meta((body + struct.pack("<I", crc32(body))).ljust(meta.META_SIZE, b"\0"), 0)


def label(data: bytes) -> object:
    file = MemoryFileSystem().open("label", create=True)
    file.write(meta.META_SIZE, data)
    return read_label(file)


def kept_index(body: bytes) -> object:
    head = log_archive._HEAD.pack(log_archive._MAGIC, len(body), crc32(body))
    return log_archive.decode_index(head + body, "kept")


def log_file(database_id: bytes, data: bytes) -> None:
    """A file of the log, read by who opens the database and by who reads along."""
    data = with_right_sums(data, database_id)
    files = MemoryFileSystem()
    files.open("seed.mdb-wal", create=True).write(0, data)
    tail = LogTail(files, "seed.mdb", database_id, [], 0)
    try:
        for _ in tail.read_all():
            pass
    except (DatabaseCorrupt, SegmentGone):
        pass
    finally:
        tail.close()
    reader, _ = read_log(SegmentFiles(files, "seed.mdb", 0, 0, 0), database_id, 0)
    for commit in reader.commits(0):
        for _ in commit.chunks:
            pass


def with_right_sums(data: bytes, database_id: bytes) -> bytes:
    """A file of the log in which every header, and every batch that lies within it, has the checksum that it needs, and
    follows the one before."""
    made = bytearray(data)
    size = log_format._SEGMENT.size
    if len(made) < size + 4:
        return data
    bound(made, size - 12)
    made[: size + 4] = summed(bytes(made[: size + 4]))
    header = log_format.decode_segment_header(bytes(made[: log_format.BLOCK]))
    previous = header.previous if header is not None else 0
    size = log_format._BATCH.size
    for start in range(log_format.BLOCK, len(made) - size - 4, log_format.BLOCK):
        if not log_format.starts_batch(made, start):
            continue
        bound(made, start + size - 16)
        made[start + size - 4 : start + size] = struct.pack("<I", previous)
        made[start : start + size + 4] = summed(bytes(made[start : start + size + 4]))
        found = log_format.decode_batch_header(
            bytes(made[start : start + log_format.BLOCK]), database_id, header.generation if header else 0, start
        )
        stop = start + log_format.HEADER_BYTES + found.length if found is not None else len(made)
        if stop + log_format.TRAILER_BYTES <= len(made):
            previous = crc32(made[start:stop])
            made[stop : stop + 4] = struct.pack("<I", previous)
    return bytes(made)


def bound(made: bytearray, place: int) -> None:
    """The file is as long as it should be: the log's size that stands here is not above its own."""
    struct.pack_into("<Q", made, place, min(len(made), *struct.unpack_from("<Q", made, place)))


def page_target(database: Database) -> Target:
    """Whole pages with their headers, as leaves of each table and as inner nodes."""
    base = database.base
    pointers = [(r, root.pointer) for r, root in base.root.relations.items() if root.level >= 0]
    seeds = [base.file.read(p[0] * base.pages.block, page_file.HEADER.size + p[1]) for _, p in pointers]
    layouts = {store.relation: store.layout for store in database.relations.stores.values()}
    layouts.update((i.relation, i.layout) for store in database.relations.stores.values() for i in store.index_list)
    head = page_file.HEADER

    def read(data: bytes) -> None:
        file = MemoryFileSystem().open("page", create=True)
        generation = head.unpack_from(data)[4] if len(data) >= head.size else 1
        payload = data[head.size :]
        pointer = (0, len(payload), generation, crc32(payload))
        fields = list(head.unpack_from(data.ljust(head.size, b"\0")))
        fields[5:] = 0, len(payload), crc32(payload)
        file.write(0, head.pack(*fields) + payload)
        found = page_file.PageFile(file, base.pages.block)
        relation = fields[3] if fields[3] in layouts else next(iter(layouts))
        if fields[1] == page_file.INNER:
            page_file.read_inner(found, relation, pointer)
        else:
            page_file.read_leaf(found, relation, layouts[relation], pointer)

    return Target(read, seeds)


def sql_text(data: bytes) -> None:
    """The parser: a statement or an error of ours."""
    try:
        parse(data.decode("utf-8", "surrogatepass" if data[:1] == b"\xed" else "replace"))
    except UnicodeDecodeError:
        pass
    except Error as error:
        assert not error.sqlstate.startswith("XX"), error


def record(database: Database, payloads: list[bytes]) -> Target:
    stores = database.relations.stores

    def read(data: bytes) -> None:
        payload = records.decode(data)
        for group in payload.groups:
            for _ in records.changes_of(group, stores.get):
                pass
        for group, old in zip(payload.groups, payload.old or []):
            form = stores.get(group[0])
            if form is not None:
                list(records.differences_of(group, old, form))

    return Target(read, payloads)


# -- trying -----------------------------------------------------------------------------------------------


def tried(target: Target, data: bytes) -> None:
    try:
        target.read(data)
    except DatabaseCorrupt:
        pass


def mutated(random: Random, seeds: list[bytes]) -> bytes:
    """A seed with a few things done to it, or bytes from nowhere."""
    if random.random() < 0.1:
        return random.randbytes(random.randrange(80))
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice((1, 1, 2, 4))):
        place = random.randrange(len(data) + 1)
        kind = random.randrange(6)
        if kind == 0:
            del data[place:]
        elif kind == 1:
            data[place:place] = random.randbytes(random.randrange(1, 9))
        elif kind == 2:
            del data[place : place + random.randrange(1, 9)]
        elif kind == 3:
            data[place : place + 1] = bytes([random.choice((0, 0x7F, 0x80, 0x90, 0xC0, 0xC1, 0xC7, 0xDD, 0xFF))])
        elif kind == 4:
            other = random.choice(seeds)
            data[place:] = other[random.randrange(len(other) + 1) :]
        elif place < len(data):
            data[place] ^= 1 << random.randrange(8)
    return bytes(data)


def try_many(name: str, random: Random, times: int) -> None:
    target = targets()[name]
    for _ in range(times):
        data = mutated(random, target.seeds)
        try:
            tried(target, data)
        except BaseException as error:
            error.add_note(f"{name}: {data!r}")
            raise


def main() -> None:
    parser = argparse.ArgumentParser(description="Gives the readers of files bytes that somebody made up.")
    parser.add_argument("target", nargs="*")
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    options = parser.parse_args()
    guided = importlib.util.find_spec("atheris") is not None
    print(f"{'with' if guided else 'without'} atheris, {options.seconds:g} s for each target", flush=True)
    failed = [name for name in options.target or NAMES if not (guide if guided else without)(name, options.seconds)]
    print(f"failed: {', '.join(failed)}" if failed else "a value or an error of ours each time", flush=True)
    sys.exit(bool(failed))


def without(name: str, seconds: float) -> bool:
    random, end, count = Random(time.time_ns()), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        try_many(name, random, 1000)
        count += 1000
    print(f"{name}: {count:,} tries", flush=True)
    return True


GUIDED = """
import sys, atheris
with atheris.instrument_imports(include=["minidb"], enable_loader_override=False):
    import hostile
hostile.with_atheris(sys.argv[1], float(sys.argv[2]))
"""


def guide(name: str, seconds: float) -> bool:
    """`with_atheris` in a process of its own; what it says is shown if it fails."""
    command = [sys.executable, "-c", GUIDED, name, str(seconds)]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    tried = next((line for line in reversed(lines) if line.startswith("Done ")), "")
    print(f"{name}: {tried or done.stderr[-3000:]}", flush=True)
    return done.returncode == 0


def with_atheris(name: str, seconds: float) -> None:
    """Ends the process: libFuzzer does."""
    import atheris

    target = targets()[name]
    with tempfile.TemporaryDirectory() as directory:
        for number, seed in enumerate(target.seeds):
            (Path(directory) / str(number)).write_bytes(seed)
        options = [f"-max_total_time={seconds:.0f}", "-timeout=20", "-rss_limit_mb=2000", "-artifact_prefix=/tmp/"]
        atheris.Setup([sys.argv[0], directory, *options], lambda data: tried(target, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
