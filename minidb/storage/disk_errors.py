"""What an error of the operating system means to who has asked for something: no space left, or a disk that failed."""

from __future__ import annotations

import errno

from minidb.errors import DatabaseError, DiskFull, OperationalError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def disk_error(error: OSError, what: str, hint: str | None = None) -> DatabaseError:
    """DiskFull when space is what is missing, an input/output error (58030) otherwise. `what` could not be done."""
    if error.errno in _FULL:
        message = f"no space left on the disk: could not {what}"
        return DiskFull(message, detail=str(error), hint=hint or "Free some space and try again.")
    return OperationalError(f"could not {what}", sqlstate="58030", detail=str(error), hint=hint)


__all__ = ["disk_error"]
