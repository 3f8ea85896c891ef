"""Opening the log again: which segments are live, what they hold, and making that durable before anybody reads it.

    read_log:  find_segments -> LogReader.survey -> does it go on from the base? -> secure -> remove dead files
               (headers)        (R8, D1, D2)        (R19)                           (R5, R9)

After a clean shutdown there is an empty segment, whose header was synced before the base said that all is well: nothing
is given out that could be lost. Securing it waits for the first write then; who only reads waits for no disk.

A file is dead when its first block is zero, or is no header while all behind it is zero: then the power went off
while the header was written, and no batch was there yet, since a header is synced before the first (R10).

Invariants

 V1  Nothing is written before everything was read and judged: damage is reported with the files as they were found.
 V2  Nothing that was found is given out before it is durable (R9).
"""

from __future__ import annotations

from minidb.errors import DatabaseCorrupt
from minidb.storage.disk_errors import disk_error
from minidb.storage.interface import File
from minidb.storage.log_format import BLOCK, decode_segment_header
from minidb.storage.log_reader import WINDOW, LogReader, damage, is_zero, read_exactly
from minidb.storage.log_segments import MOST_SEGMENTS, Segment, SegmentFiles, sync, write_zeros


def read_log(files: SegmentFiles, database_id: bytes, after: int, clean: bool = False) -> tuple[LogReader, bool]:
    """What the log holds, and whether it is secured; what nobody needs is not, see `Log.recover`."""
    live, dead = find_segments(files, database_id)
    try:
        reader = LogReader(live, database_id)
        reader.survey(after)
        if not reader.before <= after <= reader.last:
            raise DatabaseCorrupt(
                f"the log {files.name(0)} holds commits {reader.before + 1} to {reader.last}, "
                f"which do not go on from commit {after}, where the base stands"
            )
        secured = not (clean and reader.last == after and len(live) == 1 and live[0].end == BLOCK)
        if secured:
            secure(live)
        for name in dead:
            files.remove(name)
    except BaseException:
        for segment in live:
            segment.file.close()
        raise
    return reader, secured


# -- segments ---------------------------------------------------------------------------------------------


def find_segments(files: SegmentFiles, database_id: bytes) -> tuple[list[Segment], list[str]]:
    """(live segments in order of generation, names of files that are not live)."""
    live: list[Segment] = []
    dead: list[str] = []
    try:
        for index in range(MOST_SEGMENTS):
            name = files.name(index)
            if not files.fs.exists(name):
                continue
            segment = _open_segment(files, index)
            if segment is None:
                dead.append(name)
            else:
                live.append(segment)
        live.sort(key=lambda segment: segment.generation)
        _check_row(files, live, database_id)
    except BaseException:
        for segment in live:
            segment.file.close()
        raise
    return live, dead


def _open_segment(files: SegmentFiles, index: int) -> Segment | None:
    """None if the file is free, or its header was being written when the power went off."""
    try:
        file = files.fs.open(files.name(index))
    except OSError as error:
        raise disk_error(error, f"open {files.name(index)}") from error
    header = None
    try:
        size = file.size()
        block = read_exactly(file, 0, min(BLOCK, size))
        header = decode_segment_header(block)
        if header is None:
            if size < BLOCK and not is_zero(block):  # the zeros were synced before the header was written (G1)
                raise damage(file, size, "the file is cut off in the segment's header")
            if not is_zero(block) and not _zero_behind(file, BLOCK, size):  # batches follow a synced header only
                raise damage(file, 0, "the segment's header is wrong")
            return None
    finally:
        if header is None:
            file.close()
    segment = Segment(file, index)
    segment.adopt(header)
    return segment


def _check_row(files: SegmentFiles, live: list[Segment], database_id: bytes) -> None:
    if not live:
        raise DatabaseCorrupt(f"the log {files.name(0)} is missing or empty")
    for segment in live:
        assert segment.header is not None
        if segment.header.database_id != database_id:
            raise DatabaseCorrupt(f"the log {segment.file.path} belongs to another database")
    for before, segment in zip(live, live[1:]):  # noqa: RUF007
        if segment.generation != before.generation + 1:
            raise DatabaseCorrupt(
                f"the log lacks a segment between {before.file.path} and {segment.file.path}",
                detail=f"generations {before.generation} and {segment.generation}",
            )


def _zero_behind(file: File, start: int, size: int) -> bool:
    return all(is_zero(read_exactly(file, offset, min(WINDOW, size - offset))) for offset in range(start, size, WINDOW))


# -- securing ---------------------------------------------------------------------------------------------


def secure(segments: list[Segment]) -> None:
    """Makes durable what the survey found, and nothing else (R9).

    What was found is written once more, not only synced: after a sync that failed, the pages that the kernel shows
    are not on the disk and count as clean, so that the next sync reports success without writing them (R5). The
    same bytes in the same place: a crash on the way changes nothing. Raises SyncFailed or an error of the disk.
    """
    for segment in segments:
        try:
            _write_again(segment.file, 0, segment.end)
        except OSError as error:
            raise disk_error(error, "secure the log") from error
    try:
        _clear_tail(segments[-1])
    except OSError as error:
        raise disk_error(error, "secure the log") from error
    for segment in segments:
        sync(segment.file)


def _write_again(file: File, start: int, stop: int) -> None:
    for offset in range(start, stop, WINDOW):
        file.write(offset, read_exactly(file, offset, min(WINDOW, stop - offset)))


def _clear_tail(segment: Segment) -> None:
    """Zeros from the end on: over the first block always (it may be zero in the cache only), over the others where
    something stands."""
    size = segment.file.size()
    write_zeros(segment.file, segment.end, min(size, segment.end + BLOCK))
    for offset in range(segment.end + BLOCK, size, WINDOW):
        length = min(WINDOW, size - offset)
        if not is_zero(read_exactly(segment.file, offset, length)):
            write_zeros(segment.file, offset, offset + length)
