"""Whatever is read from a file, given bytes that somebody made up: a value or DatabaseCorrupt, never anything else.

The checksums are left out: whoever makes a file to do harm makes them right. Each target takes what stands behind one.

    python tests/storage/hostile.py [--seconds S] [TARGET ...]

goes on for longer: with atheris (https://pypi.org/project/atheris), if it is installed, which looks for bytes that take
new branches, otherwise with the mutations below.
"""

from __future__ import annotations

import argparse
import struct
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple
from zlib import crc32

from minidb.backup import read_label
from minidb.database import Database
from minidb.errors import DatabaseCorrupt
from minidb.storage import log_archive, log_format, meta, pages
from minidb.storage.codec import pack_key, unpack_key, unpack_keys
from minidb.storage.file import MemoryFileSystem
from minidb.storage.log_tail import LogTail
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


NAMES = (
    "key", "inner node", "catalog", "frames", "segment header", "batch header", "meta page", "label", "record",
    "index of kept segments", "leaf of heap", "leaf of heap_pkey", "leaf of heap_n", "leaf of clustered",
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
    return lambda data: pages.decode_leaf(layout, data)


def reading(database: Database, files: MemoryFileSystem, log: bytes) -> dict[str, Target]:
    root = database.base.root
    header = log_format.decode_segment_header(log[: log_format.BLOCK])
    assert header is not None
    batch = log_format.decode_batch_header(log[512:1024], root.database_id, header.generation, 512)
    assert batch is not None
    keys = [1, "a", (1, "b", None), 1.5, b"x"]
    inner = pages.encode_inner([1, "b"], [None, 7], [(1, 2, 3, 4)] * 3, [1, 2, 3])
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
    for name in options.target or NAMES:
        with_atheris(name, options.seconds) if "atheris" in sys.modules else without(name, options.seconds)


def without(name: str, seconds: float) -> None:
    random, end, count = Random(time.time_ns()), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        try_many(name, random, 1000)
        count += 1000
    print(f"{name}: {count:,} tries, a value or DatabaseCorrupt each time", flush=True)


def with_atheris(name: str, seconds: float) -> None:
    """Ends the process: libFuzzer does, so there is one target for each."""
    import tempfile
    from pathlib import Path

    import atheris

    target = targets()[name]
    with tempfile.TemporaryDirectory() as directory:
        for number, seed in enumerate(target.seeds):
            (Path(directory) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], directory, f"-max_total_time={seconds:.0f}"], lambda data: tried(target, data))
        atheris.Fuzz()


if __name__ == "__main__":
    try:
        import atheris

        atheris.instrument_all()
    except ImportError:
        pass
    main()
