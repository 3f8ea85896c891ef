"""Private database servers, for measurements and tests: started in a directory of their own, listening on nothing but
a socket in it, stopped and gone at the end.

    with PostgresServer() as server:
        engine = open_engine(server.url)

PostgreSQL refuses to run as root, so root lends both servers the account `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minidb.errors import OperationalError

PATIENCE = 60.0  # seconds for a server to start or to stop
PAUSE = 0.05
PLACES = (*(Path(f"/usr/lib/postgresql/{n}/bin") for n in range(18, 12, -1)), *map(Path, ("/usr/sbin", "/usr/libexec")))
ACCOUNT = "nobody"


def program(*names: str) -> str | None:
    """The first of these programs that is installed."""
    for name in names:
        candidates = [shutil.which(name), *(str(place / name) for place in PLACES if (place / name).exists())]
        if found := next(filter(None, candidates), None):
            return str(found)
    return None


class Server:
    """A server process and its directory. Raises OperationalError if it is not installed or does not start."""

    needs: tuple[tuple[str, ...], ...] = ()
    stopped_by = signal.SIGTERM

    def __init__(self) -> None:
        if missing := self.missing():
            raise OperationalError(f"not installed: {', '.join(missing)}")
        self.programs = [program(*names) for names in self.needs]
        self.directory = Path(tempfile.mkdtemp(prefix="minidb-"))
        self.data = self.directory / "data"
        self.log = self.directory / "log"
        self.account = account()
        if self.account:
            os.chown(self.directory, self.account["user"], self.account["group"])
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self.prepare()
            self.process = self.popen(self.command())
            self.wait_for(self.is_up, "start")
        except BaseException:
            self.close()
            raise

    @classmethod
    def missing(cls) -> list[str]:
        """The programs that it needs and that are not installed."""
        return [names[0] for names in cls.needs if program(*names) is None]

    def prepare(self) -> None:
        """Fills the data directory."""
        raise NotImplementedError

    def command(self) -> Sequence[str]:
        """What runs the server in the foreground."""
        raise NotImplementedError

    def is_up(self) -> bool:
        raise NotImplementedError

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.process is not None:
            self.process.send_signal(self.stopped_by)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- processes

    def popen(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory, **self.account)

    def execute(self, command: Sequence[str]) -> None:
        if self.popen(command).wait() != 0:
            raise self.failed(f"{command[0]} failed")

    def wait_for(self, condition: Any, what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > until:
                raise self.failed(f"the server did not {what}")
            time.sleep(PAUSE)

    def failed(self, message: str) -> OperationalError:
        last = self.log.read_text(encoding="utf-8", errors="replace").strip().split("\n")[-5:]
        return OperationalError(message, detail="\n".join(last))


def account() -> dict[str, Any]:
    """How to start a process under another account, if we are root."""
    if os.name != "posix" or os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(ACCOUNT)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class PostgresServer(Server):
    needs = (("initdb",), ("postgres",))
    stopped_by = signal.SIGINT  # "fast": it does not wait until all have disconnected

    @property
    def url(self) -> str:
        return f"postgresql://minidb@/postgres?host={self.directory}"

    def prepare(self) -> None:
        options = ("--username=minidb", "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8")
        self.execute([str(self.programs[0]), *options, "--pgdata", str(self.data)])

    def command(self) -> Sequence[str]:
        settings = {"listen_addresses": "", "unix_socket_directories": self.directory, "fsync": "off",
                    "shared_buffers": "16MB", "autovacuum": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs[1]), "-D", str(self.data), *options]

    def is_up(self) -> bool:
        pid = self.data / "postmaster.pid"
        return pid.exists() and pid.read_text().split("\n")[-2:-1] == ["ready   "]


class MariaDBServer(Server):
    needs = (("mariadb-install-db",), ("mariadbd", "mysqld"))

    @property
    def socket(self) -> Path:
        return self.directory / "socket"

    @property
    def url(self) -> str:
        return f"mysql://root@localhost/?unix_socket={self.socket}"

    def prepare(self) -> None:
        self.execute([str(self.programs[0]), "--no-defaults", f"--datadir={self.data}", *self.options(),
                      "--auth-root-authentication-method=normal", "--skip-test-db"])

    def command(self) -> Sequence[str]:
        return [str(self.programs[1]), "--no-defaults", f"--datadir={self.data}", *self.options(),
                f"--socket={self.socket}", "--skip-networking", f"--pid-file={self.directory / 'pid'}"]

    def options(self) -> list[str]:
        return ["--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M",
                "--skip-log-bin"]

    def is_up(self) -> bool:
        return self.socket.exists()
