"""What the log's bytes mean: segment headers, batches, frames. Pure: bytes in, values out, and back.

    segment file                            batch, begun at a multiple of 512 bytes (R7)
    +--------------------+ 0                +--------------------------------------------------------+ offset
    | segment header     |                  | header: magic, format, database id, generation,        |
    +--------------------+ 512              |   incarnation, sequence, offset, length of the payload,|
    | batch              |                  |   synced, known size, mask, checksum of the batch      |
    +--------------------+                  |   before, own checksum                                 |
    | batch              |                  +--------------------------------------------------------+ + 92
    +--------------------+ end              | payload: frame, frame, ...   (XOR mask if it is not 0) |
    | zeros, synced      |                  +--------------------------------------------------------+
    |                    |                  | trailer: checksum of header and payload, end mark      |
    +--------------------+ filled           +--------------------------------------------------------+
                                            | zeros up to the next multiple of 512                   |
                                            +--------------------------------------------------------+
    frame: kind + 256 * chunks, length, number, time, transaction (32 bytes), then `length` opaque bytes
        COMMIT   `transaction` (0: it has no chunks) is commit `number`, made at `time` (us since 1970), and has so
                 many `chunks`
        CHUNK    a part of `transaction`, before its COMMIT; nothing without it (R6)
        DISCARD  `transaction` is rolled back, its chunks may be forgotten

Invariants; a disk is assumed to write 512-byte blocks whole or not at all, in any order, until a sync

 M1  The header and the first bytes of a frame share the first block, so a block with a wrong header and something
     behind it was not torn: it is damaged (R8).
 M2  The end mark is the last byte that counts, is not zero, and has more than one bit set: with one bit flipped it
     still is not zero.
 M3  No block of a whole batch is all zeros, or would be after one flipped bit. Only blocks that hold nothing but
     payload could be; if the payload has 255 zeros in a row, it is masked: XORed with four bytes, repeated, chosen
     so that it no longer has. So a block of zeros in a batch means that the block never arrived (R8).
 M4  The header names its own offset: a header at another place (a misdirected write, a log stored in a column) is
     not valid there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

BLOCK = 512
FORMAT = 1
END_MARK = 0xA5  # M2

COMMIT = 1
CHUNK = 2
DISCARD = 3

_SEGMENT_MAGIC = b"mdbS"
_BATCH_MAGIC = b"mdbB"
_SEGMENT = struct.Struct("<4sHH16sQQQQQQI")
_BATCH = struct.Struct("<4sHH16sQQQQQQQII")
_CHECKSUM = struct.Struct("<I")
_TRAILER = struct.Struct("<IB")
_FRAME = struct.Struct("<IIQqQ")

HEADER_BYTES = _BATCH.size + _CHECKSUM.size
TRAILER_BYTES = _TRAILER.size
FRAME_BYTES = _FRAME.size
pack_frame = _FRAME.pack  # `encode_frame` where there are many of them: kind | chunks << 8, length, number, ...
BATCH_OVERHEAD = HEADER_BYTES + TRAILER_BYTES
_WITH_ROUNDING = BATCH_OVERHEAD + FRAME_BYTES + BLOCK - 1
LARGEST_PAYLOAD = (1 << 31) - 1
MOST_CHUNKS = (1 << 24) - 1

_SMALL = 2 * BLOCK - BATCH_OVERHEAD  # a payload up to this size has no block of its own
_ZERO_BLOCK = bytes(BLOCK)
_ZERO_RUN = bytes(BLOCK // 2 - 1)  # a block with at most one byte that is not zero has such a run (M3)


def round_up(size: int) -> int:
    """The next multiple of the block size."""
    return (size + BLOCK - 1) & -BLOCK


def space_for(payload: int) -> int:
    """What a frame with a payload of this many bytes takes at most: a batch of its own."""
    return (payload + _WITH_ROUNDING) & -BLOCK


def largest_payload(space: int) -> int:
    """The largest one for which `space_for` says so many bytes, a multiple of the block size."""
    return space + BLOCK - 1 - _WITH_ROUNDING


class SegmentHeader(NamedTuple):
    """The first block of a segment, synced before its first batch (R10).

    Attributes:
        generation: one more than that of the segment before it in the log; never used twice.
        incarnation: the opening of the database that made the segment.
        before: the commit number before the segment's first.
        sequence: of the last batch before the segment's first.
        previous_end: where the segment before ended; it was synced up to there before this header was written.
        known_size: the file's size that is known to be synced.
        previous: checksum of the last batch before the segment's first.
    """

    database_id: bytes
    generation: int
    incarnation: int
    before: int
    sequence: int
    previous_end: int
    known_size: int
    previous: int


class BatchHeader(NamedTuple):
    """See the module's picture.

    Attributes:
        sequence: counts batches over all segments, without gaps.
        length: bytes of payload.
        synced: the segment is known to be synced up to this offset.
        known_size: the file's size that is known to be synced.
        mask: XORed over the payload (M3).
        previous: checksum (in the trailer) of the batch before.
    """

    database_id: bytes
    generation: int
    incarnation: int
    sequence: int
    offset: int
    length: int
    synced: int
    known_size: int
    mask: int
    previous: int

    @property
    def end(self) -> int:
        """Where the next batch begins."""
        return self.offset + round_up(BATCH_OVERHEAD + self.length)


class Frame(NamedTuple):
    kind: int
    chunks: int
    number: int
    time_us: int
    transaction_id: int
    start: int  # of the payload, within the batch's payload
    length: int


# -- segment header ---------------------------------------------------------------------------------------


def encode_segment_header(header: SegmentHeader) -> bytes:
    """A whole block."""
    data = _SEGMENT.pack(_SEGMENT_MAGIC, FORMAT, 0, *header)
    return (data + _CHECKSUM.pack(crc32(data))).ljust(BLOCK, b"\0")


def decode_segment_header(block: bytes) -> SegmentHeader | None:
    """None if these bytes are not a segment header."""
    if not _sealed(block, _SEGMENT, _SEGMENT_MAGIC):
        return None
    return SegmentHeader(*_SEGMENT.unpack_from(block)[3:])


def _sealed(block: bytes, layout: struct.Struct, magic: bytes) -> bool:
    """Whether the block begins with this kind of header, in this format and with the right checksum."""
    size = layout.size
    if len(block) < size + _CHECKSUM.size or block[:4] != magic or block[4:6] != _FORMAT_BYTES:
        return False
    return bool(crc32(memoryview(block)[:size]) == _CHECKSUM.unpack_from(block, size)[0])


_FORMAT_BYTES = struct.pack("<H", FORMAT)
_END = bytes([END_MARK])


# -- batch ------------------------------------------------------------------------------------------------


def encode_frame(kind: int, number: int, time_us: int, transaction_id: int, length: int, chunks: int = 0) -> bytes:
    """What stands before a frame's payload."""
    return pack_frame(kind | chunks << 8, length, number, time_us, transaction_id)


def encode_batch(
    database_id: bytes,
    generation: int,
    incarnation: int,
    sequence: int,
    offset: int,
    synced: int,
    known_size: int,
    previous: int,
    frames: list[bytes],
) -> tuple[tuple[bytes, bytes, bytes], int]:
    """The bytes of a batch, without the zeros behind it, and its checksum. `frames` are heads and payloads in turn.

    In three pieces, for who cannot write all at once: the header, which by itself is no damage (M1), what is behind it,
    and the end mark, without which nothing is there (M2)."""
    payload = b"".join(frames)
    size = len(payload)
    assert size and payload[0], "M1: something must stand behind the header"
    mask = 0
    if size > _SMALL and _ZERO_RUN in payload:
        mask, payload = _masked(payload)
    head = _BATCH.pack(
        _BATCH_MAGIC,
        FORMAT,
        0,
        database_id,
        generation,
        incarnation,
        sequence,
        offset,
        size,
        synced,
        known_size,
        mask,
        previous,
    )
    checksum = crc32(head)
    seal = _CHECKSUM.pack(checksum)
    checksum = crc32(payload, crc32(seal, checksum))
    return (head + seal, payload + _CHECKSUM.pack(checksum), _END), checksum


def encode_commit(
    database_id: bytes,
    generation: int,
    incarnation: int,
    sequence: int,
    offset: int,
    synced: int,
    known_size: int,
    previous: int,
    number: int,
    time_us: int,
    payload: bytes,
) -> tuple[tuple[bytes, bytes, bytes], int]:
    """`encode_batch` of one commit that has no chunks: what most batches are, where few commit at a time."""
    length = len(payload)
    size = FRAME_BYTES + length
    frame = _FRAME.pack(COMMIT, length, number, time_us, 0)
    if size > _SMALL:
        return encode_batch(
            database_id, generation, incarnation, sequence, offset, synced, known_size, previous, [frame, payload]
        )
    head = _BATCH.pack(
        _BATCH_MAGIC,
        FORMAT,
        0,
        database_id,
        generation,
        incarnation,
        sequence,
        offset,
        size,
        synced,
        known_size,
        0,
        previous,
    )
    head += _CHECKSUM.pack(crc32(head))
    body = frame + payload
    checksum = crc32(body, crc32(head))
    return (head, body + _CHECKSUM.pack(checksum), _END), checksum


def whole_blocks(pieces: tuple[bytes, bytes, bytes]) -> bytes:
    """A batch as it is written."""
    data = b"".join(pieces)
    return data.ljust(round_up(len(data)), b"\0")


def decode_batch_header(block: bytes, database_id: bytes, generation: int, offset: int) -> BatchHeader | None:
    """None if no batch of this segment begins with this block at this offset (M4)."""
    if not _sealed(block, _BATCH, _BATCH_MAGIC):
        return None
    header = BatchHeader(*_BATCH.unpack_from(block)[3:])
    if (header.database_id, header.generation, header.offset) != (database_id, generation, offset):
        return None
    return header


class Body(NamedTuple):
    """What stands behind a batch's header.

    Attributes:
        whole: the checksum is right. The end mark is then not asked for: nothing is missing but perhaps itself.
        damaged: all of it arrived, and it is wrong (R8).
    """

    payload: bytes
    checksum: int
    whole: bool
    damaged: bool


def decode_body(header: BatchHeader, data: bytes) -> Body:
    """Judges a batch, given all its bytes from its header to its end mark, or fewer if the file ends before."""
    if len(data) < BATCH_OVERHEAD + header.length:
        return Body(b"", 0, False, False)
    stop = HEADER_BYTES + header.length
    checksum, mark = _TRAILER.unpack_from(data, stop)
    if crc32(memoryview(data)[:stop]) != checksum:
        damaged = mark != 0 and not _has_zero_block(data)
        return Body(b"", checksum, False, damaged)
    payload = data[HEADER_BYTES:stop]
    return Body(_xor(payload, header.mask) if header.mask else payload, checksum, True, False)


def decode_frames(payload: bytes) -> Iterator[Frame]:
    """Raises ValueError if the payload is not a row of frames."""
    position = 0
    while position < len(payload):
        if len(payload) - position < FRAME_BYTES:
            raise ValueError("a frame is cut short")
        first, length, number, time_us, transaction_id = _FRAME.unpack_from(payload, position)
        kind = first & 0xFF
        position += FRAME_BYTES
        if kind not in (COMMIT, CHUNK, DISCARD) or length > len(payload) - position:
            raise ValueError(f"there is no frame of kind {kind} and length {length}")
        yield Frame(kind, first >> 8, number, time_us, transaction_id, position, length)
        position += length


def starts_batch(data: bytes, position: int) -> bool:
    """A quick look: False means that no batch header begins here."""
    return data.startswith(_BATCH_MAGIC, position)


def _has_zero_block(data: bytes) -> bool:
    return any(data[start : start + BLOCK] == _ZERO_BLOCK for start in range(0, len(data) - BLOCK + 1, BLOCK))


def _masked(payload: bytes) -> tuple[int, bytes]:
    """(mask, payload XOR mask) without a run of zeros; there are more masks than a payload has runs."""
    for attempt in range(1, 1 << 32):
        mask = attempt * 0x9E3779B1 & 0xFFFFFFFF  # an odd factor: every attempt is another mask, and none is 0
        masked = _xor(payload, mask)
        if _ZERO_RUN not in masked:
            return mask, masked
    raise AssertionError("M3: a payload of 1 TB")


def _xor(data: bytes, mask: int) -> bytes:
    size = len(data)
    pattern = (_CHECKSUM.pack(mask) * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")).to_bytes(size, "little")
