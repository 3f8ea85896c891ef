"""The command line and the shell, over sessions that answer by script: output, exit status, sessions, the terminal."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine, FakeResult, FakeSession

from minidb import errors, types
from minidb.cli import completion, describe, highlighting, main, sql_help, tables
from minidb.cli.sessions import Crew
from minidb.cli.shell import Shell, cut, prompt
from minidb.cli.tables import Format
from minidb.schema import Catalog, Check, Column, ForeignKey, Index, IndexKey, Table, View

ROWS = [(1, "a"), (2, None)]


def answers() -> dict[str, Any]:
    return {
        "SELECT": ROWS,
        "UPDATE": 3,
        "INSERT": lambda parameters: FakeResult("INSERT 0 1", [(7, "new")], 1),
        "FAIL": errors.UndefinedColumn(
            'column "naem" does not exist', hint='Perhaps you meant "name".', position=7, statement="SELECT naem FROM t"
        ),
    }


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(answers=answers())


@pytest.fixture
def shell(engine: FakeEngine) -> Iterator[Shell]:
    made = Shell(Crew(lambda level: engine.session(isolation_level=level, autocommit=True), clock=lambda: 0.0), "shop")
    yield made
    made.close()


def feed(shell: Shell, text: str) -> None:
    for line in text.splitlines():
        shell.feed(line)


# -- tables -------------------------------------------------------------------------------------------------


COLUMNS = (("id", types.INTEGER), ("name", types.TEXT))


def test_aligned_table() -> None:
    rows = [(1, "a"), (1000, None), (None, "two\nlines"), (2, "漢字")]
    assert tables.table(COLUMNS, rows, Format(null="~")).split("\n") == [
        "  id  | name",
        "------+-------",
        "    1 | a",
        " 1000 | ~",
        "    ~ | two  +",
        "      | lines",
        "    2 | 漢字",
        "(4 rows)",
    ]
    assert tables.table(COLUMNS, [(1, "a")], Format()).endswith("\n(1 row)")
    assert tables.table((), [(), ()], Format()).endswith("(2 rows)")
    assert tables.table(COLUMNS, [], Format()).split("\n") == [" id | name", "----+------", "(0 rows)"]


def test_expanded_table() -> None:
    assert tables.table(COLUMNS, [(1, "a"), (2, "long value")], Format(expanded=True)).split("\n") == [
        "-[ RECORD 1 ]----",
        "id   | 1",
        "name | a",
        "-[ RECORD 2 ]----",
        "id   | 2",
        "name | long value",
    ]
    wide = (("a_long_column_name", types.INTEGER),)
    assert tables.table(wide, [(1,)], Format(expanded=True)).split("\n") == [
        "-[ RECORD 1 ]------+--",
        "a_long_column_name | 1",
    ]
    assert tables.table(COLUMNS, [], Format(expanded=True)) == "(0 rows)"


def test_csv_table() -> None:
    assert tables.table(COLUMNS, [(1, 'a "b", c'), (2, None)], Format(format="csv")) == 'id,name\n1,"a ""b"", c"\n2,'


def test_values_are_shown_as_the_types_have_it() -> None:
    columns = (("b", types.BOOLEAN), ("n", types.NUMERIC), ("x", types.BYTEA))
    row = (True, Decimal("1.50"), b"\x00\xff")
    assert tables.table(columns, [row], Format()).split("\n")[2] == " t | 1.50 | \\x00ff"


def test_what_would_move_the_cursor_is_escaped() -> None:
    assert tables.shown("a\x1b[2Jb\rc") == "a\\x1B[2Jb\\rc"
    assert tables.shown("a\tb") == "a       b" and tables.shown("ü\u202e") == "ü\\u202E"


# -- statements ---------------------------------------------------------------------------------------------


def test_statements_and_their_output(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    feed(shell, "SELECT; UPDATE;\nINSERT\n;")
    out, err = capsys.readouterr()
    assert out == (
        " id | name\n----+------\n  1 | a\n  2 |\n(2 rows)\n\nUPDATE 3\n"
        " id | name\n----+------\n  7 | new\n(1 row)\n\nINSERT 0 1\n"
    )
    assert err == "" and not shell.failed


def test_errors(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.crew.current.session.answers["BUG"] = KeyError("x")  # type: ignore[attr-defined]
    feed(shell, "FAIL;")
    assert capsys.readouterr().err.split("\n") == [
        'ERROR:  column "naem" does not exist',
        "LINE 1: SELECT naem FROM t",
        "               ^",
        'HINT:  Perhaps you meant "name".',
        "",
    ]
    assert shell.failed
    feed(shell, "BUG;")
    assert capsys.readouterr().err == "ERROR:  internal error of minidb: KeyError: 'x'\n"


def test_notices(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    result = FakeResult("DROP TABLE")
    result.notices.append('table "t" does not exist, skipping')
    shell.crew.current.session.answers["DROP"] = result  # type: ignore[attr-defined]
    feed(shell, "DROP;")
    assert capsys.readouterr() == ("DROP TABLE\n", 'NOTICE:  table "t" does not exist, skipping\n')


def test_cut() -> None:
    assert cut("a; b ';' ; -- c;\n") == (["a", "b ';'"], "")
    assert cut("a; b 'x;\ny") == (["a"], "b 'x;\ny") and cut(" -- x") == ([], "") and cut("a") == ([], "a")


def test_the_last_statement_needs_no_semicolon(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_text("UPDATE;\nUPDATE -- the end")
    assert capsys.readouterr().out == "UPDATE 3\nUPDATE 3\n"


def test_stopping_at_an_error(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_text("FAIL; UPDATE;\nUPDATE;", stop_on_error=True)
    assert capsys.readouterr().out == "" and shell.failed
    shell.run_text("FAIL; UPDATE;")
    assert capsys.readouterr().out == "UPDATE 3\n"


# -- commands -----------------------------------------------------------------------------------------------


def test_output_commands(shell: Shell, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    feed(shell, "\\pset null (null)\n\\x\nSELECT;\n\\x off\n\\timing on\nUPDATE;\n\\timing")
    feed(shell, "\\pset format csv\nSELECT;\n\\pset")
    assert capsys.readouterr().out == (
        "NULL is shown as '(null)'.\nExpanded display is on.\n"
        "-[ RECORD 1 ]\nid   | 1\nname | a\n-[ RECORD 2 ]\nid   | 2\nname | (null)\n\nExpanded display is off.\n"
        "Timing is on.\nUPDATE 3\nTime: 0.000 ms\nTiming is off.\n"
        "The format is csv.\nid,name\n1,a\n2,(null)\nformat   csv\nnull     '(null)'\n"
    )
    file = tmp_path / "out.txt"
    feed(shell, f"\\o {file}\nUPDATE;\n\\o\nUPDATE;")
    assert file.read_text() == "UPDATE 3\n" and capsys.readouterr().out == "UPDATE 3\n"


def test_commands_that_are_wrong(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = "\\nonsense,\\pset colour red,\\pset format html,\\x maybe,\\i,\\isolation chaos,\\h NONSENSE,\\d nothing"
    for line in [*wrong.split(","), "\\session -", "\\i /nowhere/at/all", "\\o /nowhere/at/all"]:
        shell.failed = False
        feed(shell, line)
        assert capsys.readouterr().err.startswith("ERROR:  ") and shell.failed, line


def test_help(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    feed(shell, "\\?\n\\h\n\\h create table\n\\h crea\n\\echo some text")
    out = capsys.readouterr().out
    assert "\\session [NAME|-]" in out and "[ON COMMIT { PRESERVE ROWS" in out and out.endswith("\nsome text\n")
    assert "CREATE [UNIQUE] INDEX" in sql_help.synopsis("create index")


@pytest.mark.parametrize(
    ("asked", "definitions"),
    [
        ("merge", ["merge"]),
        ("CREATE TABLE;", ["create_table"]),
        ("create t", ["create_table", "create_table_as"]),
        ("create  materialized view", ["create_view"]),
        ("alter index i", ["alter_table", "alter_sequence"]),
        ("savepoint", ["transaction"]),
        ("set", ["transaction", "setting"]),
        ("values", ["select"]),
        ("lock table", ["lock"]),
        ("frame bound", ["frame_bound"]),
    ],
)
def test_help_finds_the_definition(asked: str, definitions: list[str]) -> None:
    assert re.findall(r"^(\w+):$", sql_help.synopsis(asked), re.MULTILINE) == definitions


def test_help_for_every_statement() -> None:
    for name in sql_help.statements():
        assert sql_help.synopsis(name)
    assert sql_help.synopsis("create").startswith("There are several:\n    CREATE TABLE\n")


def test_commands_in_the_middle_of_a_statement(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    feed(shell, "SELECT\n\\echo aside\n;")
    out = capsys.readouterr().out
    assert out.startswith("aside\n") and "(2 rows)" in out
    feed(shell, "SELECT 'a\n\\echo within\n';")
    assert "within" not in capsys.readouterr().out.split("\n")


def test_include(shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inner = tmp_path / "inner.sql"
    inner.write_text("UPDATE;\n\\q\nFAIL;")
    outer = tmp_path / "outer.sql"
    outer.write_text(f"\\i {inner}\nUPDATE")
    feed(shell, f"\\i {outer}")
    assert capsys.readouterr() == ("UPDATE 3\nUPDATE 3\n", "")


def test_the_input_buffer(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    feed(shell, "SEL\nECT\n\\p\n\\r\n\\p\nUPDATE;")
    assert capsys.readouterr().out == "SEL\nECT\nThe input is empty.\nUPDATE 3\n"


# -- describing ---------------------------------------------------------------------------------------------


def catalog() -> Catalog:
    key = Index(10, "branch_pkey", 10, (IndexKey(0, types.INTEGER),), unique=True, primary=True, clustered=True)
    branch = Table(1, "branch", 1, (Column("id", types.INTEGER, 0, not_null=True),), (key,))
    account = Table(
        2,
        "account",
        2,
        (
            Column("id", types.BIGINT, 0, not_null=True, identity="always"),
            Column("gone", types.TEXT, 1, dropped=True),
            Column("owner", types.TEXT, 2, default="'nobody'"),
            Column("branch", types.INTEGER, 3),
        ),
        (
            Index(20, "account_pkey", 20, (IndexKey(0, types.BIGINT),), unique=True, primary=True),
            Index(
                21,
                "account_owner",
                21,
                (
                    IndexKey(2, types.TEXT, descending=True, nulls_first=True),
                    IndexKey(None, types.TEXT, "lower(owner)"),
                ),
                include=(3,),
                where="branch > 1",
            ),
        ),
        (Check(30, "positive", "id > 0"),),
        (ForeignKey(31, "account_branch_fkey", (3,), 1, (0,), on_delete="cascade"),),
    )
    return Catalog(1, 100, {"branch": branch, "account": account}, {"rich": View(3, "rich", ("id",), "SELECT 1")})


def test_describe_table() -> None:
    assert describe.describe(catalog(), "ACCOUNT").split("\n") == [
        '                      Table "account"',
        " Column |  Type   | Nullable |           Default",
        "--------+---------+----------+------------------------------",
        " id     | bigint  | not null | generated always as identity",
        " owner  | text    |          | 'nobody'",
        " branch | integer |          |",
        "Indexes:",
        '    "account_pkey" PRIMARY KEY (id)',
        '    "account_owner" (owner DESC, (lower(owner))) INCLUDE (branch) WHERE branch > 1',
        "Check constraints:",
        '    "positive" CHECK (id > 0)',
        "Foreign-key constraints:",
        '    "account_branch_fkey" FOREIGN KEY (branch) REFERENCES branch(id) ON DELETE CASCADE',
    ]


def test_describe_others() -> None:
    known = catalog()
    assert 'TABLE "account" CONSTRAINT "account_branch_fkey"' in describe.describe(known, '"branch"')
    assert describe.describe(known, "rich") == 'View "rich" (id)\n    SELECT 1'
    assert describe.describe(known, "account_pkey") == 'Index "account_pkey" on table "account"\n    PRIMARY KEY (id)'
    listed = [line.split("|")[0].strip() for line in describe.relations(known).split("\n")[3:]]
    assert listed == ["account", "branch", "rich"]
    assert "clustered table" in describe.tables(known) and "PRIMARY KEY CLUSTERED (id)" in describe.indexes(known)
    assert "SELECT 1" in describe.views(known)
    assert describe.relations(Catalog()) == "There are no relations."


# -- several sessions ---------------------------------------------------------------------------------------


class Lock:
    """Stands for the engine's waiting: `wait` is an answer that blocks, `grant` one that ends the wait."""

    def __init__(self, engine: FakeEngine, words: str = "main (row 1 of doctor)") -> None:
        self.engine = engine
        self.words = words
        self.granted = threading.Event()

    @property
    def waiter(self) -> FakeSession:
        return self.engine.sessions[-1]

    def wait(self, parameters: Any) -> int:
        session = self.waiter
        session.waiting_for = self.words
        assert session.on_wait is not None
        session.on_wait(self.words)
        assert self.granted.wait(30)
        session.on_wait(None)
        if session.canceled.is_set():
            session.canceled.clear()
            raise errors.QueryCanceled("canceling statement due to user request")
        return 1

    def grant(self, parameters: Any = None) -> int:
        self.waiter.waiting_for = None  # by whoever ends the wait, before its own statement returns
        self.granted.set()
        return 2


@pytest.fixture
def lock(engine: FakeEngine) -> Lock:
    made = Lock(engine)
    engine.answers.update(WAIT=made.wait, GRANT=made.grant)
    return made


def test_a_blocked_session_and_another_one(shell: Shell, lock: Lock, capsys: pytest.CaptureFixture[str]) -> None:
    feed(shell, "\\isolation ssi\nBEGIN;\n\\session b\nWAIT;\n\\sessions\nUPDATE;\n\\session -")
    out, err = capsys.readouterr()
    assert out.split("\n")[:4] == [
        "The isolation level of the next transactions is ssi.", "BEGIN", "Session b.",
        "b waits for main (row 1 of doctor)",
    ]  # fmt: skip
    assert [line.split("|") for line in out.split("\n")[4:8]][2:] == [
        ["   ", " main    ", " ssi   ", " in a transaction"],
        [" * ", " b       ", " ssi   ", " waits for main (row 1 of doctor)"],
    ]
    assert err.count("ERROR:  session b") == 2
    assert prompt(shell) == "shop/b waits for main (row 1 of doctor)> "
    feed(shell, "\\session main")
    assert prompt(shell) == "shop/main ssi*> "
    capsys.readouterr()
    feed(shell, "GRANT;")
    assert capsys.readouterr().out == "GRANT 2\nb:\nWAIT 1\n"


def test_sessions_come_and_go(shell: Shell, engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert prompt(shell) == "shop rc> "
    feed(shell, "\\session b\n\\session\nBEGIN;\n\\session -\n\\session")
    assert capsys.readouterr().out == (
        "Session b.\nSession b.\nBEGIN\nSession b is closed; this is session main.\nSession main.\n"
    )
    assert engine.sessions[1].closed and not engine.sessions[0].closed
    assert [session.name for session in engine.sessions] == ["main", "b"]


def test_prompt(shell: Shell) -> None:
    feed(shell, "\\isolation serializable 2pl\nBEGIN;")
    assert prompt(shell) == "shop 2pl*> "
    feed(shell, "FAIL;")
    assert prompt(shell) == "shop 2pl!> "


def test_the_end_sets_a_blocked_session_free(
    engine: FakeEngine, lock: Lock, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(Crew(lambda level: engine.session(autocommit=True)))
    feed(shell, "BEGIN;\n\\session b\nWAIT;\n\\session main")
    engine.sessions[0].close = lock.grant  # type: ignore[method-assign]  # closing rolls back, which ends the wait
    capsys.readouterr()
    shell.close()
    assert capsys.readouterr().out == "b:\nWAIT 1\n"


def test_a_session_that_nobody_can_free_is_interrupted(
    engine: FakeEngine, lock: Lock, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(Crew(lambda level: engine.session(autocommit=True)))
    feed(shell, "WAIT;")

    def interrupt() -> None:
        engine.sessions[0].canceled.set()
        lock.grant()

    engine.sessions[0].interrupt = interrupt  # type: ignore[method-assign]
    shell.close()
    assert capsys.readouterr().err == "ERROR:  canceling statement due to user request\n"


def test_control_c_stops_the_statement(shell: Shell, engine: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    session = engine.sessions[0]
    shell.interactive = True

    def slow(parameters: Any) -> Any:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return session.wait_until_canceled(parameters)

    engine.answers["SLOW"] = slow
    before = signal.getsignal(signal.SIGINT)
    feed(shell, "SLOW;\nUPDATE;")
    assert capsys.readouterr() == ("UPDATE 3\n", "ERROR:  canceling statement due to user request\n")
    assert signal.getsignal(signal.SIGINT) is before


# -- the command --------------------------------------------------------------------------------------------


@pytest.fixture
def command(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setattr(main, "open_engine", lambda path: engine)
    return engine


def test_command_text(command: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["shop.mdb", "-c", "UPDATE; UPDATE", "-c", "SELECT", "--isolation", "SSI"]) == 0
    assert capsys.readouterr().out.startswith("UPDATE 3\nUPDATE 3\n id | name")
    assert command.sessions[0].isolation_level == "ssi" and command.sessions[0].autocommit and command.closed


def test_exit_status(command: FakeEngine, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main.main(["-c", "FAIL; UPDATE", "-c", "UPDATE"]) == 1
    assert capsys.readouterr().out == "UPDATE 3\n"
    assert main.main(["--bail", "-c", "FAIL", "-c", "UPDATE"]) == 1
    assert capsys.readouterr().out == ""
    script = tmp_path / "script.sql"
    script.write_text("FAIL;\nUPDATE;\n")
    assert main.main(["-f", str(script)]) == 1
    assert capsys.readouterr().out == "UPDATE 3\n"
    assert main.main(["-f", str(script), "--bail"]) == 1
    assert capsys.readouterr().out == ""
    assert main.main(["-f", str(tmp_path / "absent.sql")]) == 1
    assert "No such file" in capsys.readouterr().err
    assert main.main(["-c", "\\q", "-c", "FAIL"]) == 0


def test_standard_input(
    command: FakeEngine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("UPDATE;\nUPDATE"))
    assert main.main([]) == 0
    assert capsys.readouterr().out == "UPDATE 3\nUPDATE 3\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO("FAIL;\nUPDATE;"))
    assert main.main(["shop.mdb", "-f", "-"]) == 1


def test_the_command_line_itself(command: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["--isolation", "chaos"], ["--nonsense"], ["a", "b"]):
        with pytest.raises(SystemExit) as left:
            main.main(wrong)
        assert left.value.code == 2
    assert "The levels are" in capsys.readouterr().err
    for option, expected in (("--version", "minidb 0."), ("--help", "minidb demo")):
        with pytest.raises(SystemExit) as left:
            main.main([option])
        assert left.value.code == 0 and expected in capsys.readouterr().out


def test_a_database_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(path: str) -> None:
        raise errors.DatabaseInUse(f"another process has {path} open")

    monkeypatch.setattr(main, "open_engine", refuse)
    assert main.main(["shop.mdb", "-c", "SELECT"]) == 1
    assert capsys.readouterr().err == "ERROR:  another process has shop.mdb open\n"


def test_control_c_ends_a_script(command: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    def slow(parameters: Any) -> Any:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return command.sessions[-1].wait_until_canceled(parameters)

    command.answers["SLOW"] = slow
    assert main.main(["-c", "SLOW", "-c", "UPDATE"]) == main.INTERRUPTED
    assert capsys.readouterr().out == ""


def test_python_dash_m() -> None:
    done = subprocess.run([sys.executable, "-m", "minidb", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("minidb 0.")


# -- the terminal -------------------------------------------------------------------------------------------


KEYWORDS = frozenset({"select", "from", "where", "insert", "index", "order"})


def test_highlighting() -> None:
    text = "SELECT \"a\" , 'x''y' FROM t -- c\nWHERE id = :k + 1.5e3 /* two\nlines */ AND x::int = ? OR $1 = $q$ x $q$"
    found = list(highlighting.pieces(text, KEYWORDS))
    assert "".join(piece for _, piece in found) == text
    assert [(kind, piece) for kind, piece in found if kind not in ("other", "word")] == [
        ("keyword", "SELECT"), ("name", '"a"'), ("string", "'x''y'"), ("keyword", "FROM"), ("comment", "-- c"),
        ("keyword", "WHERE"), ("parameter", ":k"), ("number", "1.5e3"), ("comment", "/* two\nlines */"),
        ("parameter", "?"), ("parameter", "$1"), ("string", "$q$ x $q$"),
    ]  # fmt: skip
    assert len(highlighting.lines(text, KEYWORDS)) == 3
    for unfinished in ("'abc", '"abc', "/* abc", "$$ abc", "\\d abc"):
        assert "".join(piece for _, piece in highlighting.pieces(unfinished, KEYWORDS)) == unfinished


@pytest.mark.parametrize(
    "text, expected",
    [
        ("sel", ["select"]),
        ("SEL", ["SELECT"]),
        ("SELECT * FROM ", ["account", "branch", "rich"]),
        ("SELECT * FROM acc", ["account"]),
        ("SELECT ow", ["owner"]),
        ("SELECT i FROM branch WHERE i", ["id", "index", "insert"]),
        ("SELECT a.ow FROM account a WHERE a.", ["branch", "id", "owner"]),
        ("SELECT account.o", ["owner"]),
        ("SELECT rich.", ["id"]),
        ("SELECT nothing.", []),
        ("SELECT ", []),
        ("\\ti", ["\\timing"]),
        ("\\d acc", ["account", "account_owner", "account_pkey"]),
        ("\\isolation s", ["serial", "snapshot", "ssi"]),
        ("\\session ", ["a", "b"]),
        ("\\x o", ["off", "on"]),
        ("\\i /nowhere/x", []),
        ("\\h cre", [f"CREATE {word}" for word in ("INDEX", "SCHEMA", "SEQUENCE", "TABLE", "TABLE AS", "VIEW")]),
        ("\\dialect my", ["mysql"]),
        ("\\pset form", ["format aligned", "format csv"]),
    ],
)
def test_completion(text: str, expected: list[str]) -> None:
    assert completion.suggestions(text, catalog(), KEYWORDS, ["a", "b"]) == expected


@pytest.fixture
def terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A function that types keys into the interactive shell and returns when it has left."""
    interactive = pytest.importorskip("minidb.cli.interactive")
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    shell.interactive = True

    def type_keys(keys: str) -> None:
        with create_pipe_input() as pipe:
            pipe.send_text(keys)
            interactive.run(shell, (pipe, DummyOutput()))

    return type_keys


def test_typing(terminal: Any, engine: FakeEngine, tmp_path: Path) -> None:
    terminal("UPDATE\r;\rUPDATE; SELECT;\r\\isolation si\rUPDATE\x1b\r\\q\r")
    assert engine.sessions[0].log == ["UPDATE", "UPDATE", "SELECT", "UPDATE"]
    assert engine.sessions[0].isolation_level == "snapshot"
    assert "+UPDATE\n+;" in (tmp_path / "minidb" / "history").read_text()


def test_a_command_leaves_the_statement_as_it_is(terminal: Any, engine: FakeEngine, shell: Shell) -> None:
    terminal("SELECT\r\\timing\r; \r\\q\r")
    assert engine.sessions[0].log == ["SELECT"] and shell.timing


def test_leaving_with_control_d_and_forgetting_with_control_c(terminal: Any, engine: FakeEngine) -> None:
    terminal("SELECT 'abc\x03UPDATE;\r\x04")
    assert engine.sessions[0].log == ["UPDATE"]


def test_control_c_at_the_prompt_of_a_blocked_session(
    terminal: Any, shell: Shell, engine: FakeEngine, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        engine.sessions[0].canceled.set()
        lock.grant()

    engine.sessions[0].interrupt = interrupt  # type: ignore[method-assign]
    printed: list[str] = []
    monkeypatch.setattr(shell, "print", printed.append)
    monkeypatch.setattr(shell, "_print_error", printed.append)
    terminal("WAIT;\r\x03UPDATE;\r\x04")
    assert engine.sessions[0].log == ["WAIT", "UPDATE"]
    assert printed == ["ERROR:  canceling statement due to user request", "UPDATE 3"]


# -- on the real engine -------------------------------------------------------------------------------------


SCRIPT = """
CREATE TABLE doctor (id int PRIMARY KEY, name text, on_call boolean);
INSERT INTO doctor VALUES (1, 'Ann', true), (2, 'Bob', true);
\\isolation snapshot
BEGIN; UPDATE doctor SET on_call = false WHERE id = 1;
\\session b
BEGIN; SELECT name FROM doctor WHERE on_call ORDER BY id;
DELETE FROM doctor WHERE id = 1;
\\session c
UPDATE doctor SET name = 'Eve' WHERE id = 2;
\\session main
COMMIT;
\\session b
ROLLBACK;
SELECT * FROM doctor ORDER BY id;
"""


def test_sessions_on_the_engine(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "script.sql"
    script.write_text(SCRIPT)
    assert main.main([path, "-f", str(script)]) == 1
    out, err = capsys.readouterr()
    waits = next(line for line in out.split("\n") if " waits for " in line)
    assert waits.startswith("b waits for main (") and "doctor" in waits
    assert [line for line in out.replace(waits, "...").split("\n") if line] == [
        "CREATE TABLE", "INSERT 0 2", "The isolation level of the next transactions is snapshot.", "BEGIN", "UPDATE 1",
        "Session b.", "BEGIN", " name", "------", " Ann", " Bob", "(2 rows)", "...",
        "Session c.", "UPDATE 1", "Session main.", "COMMIT", "Session b.", "ROLLBACK",
        " id | name | on_call", "----+------+---------", "  1 | Ann  | f", "  2 | Eve  | t", "(2 rows)",
    ]  # fmt: skip
    assert err.startswith("b:\nERROR:  could not serialize access due to concurrent update\n")


def test_describing_on_the_engine(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    create = "CREATE TABLE t (a int PRIMARY KEY CLUSTERED, b text DEFAULT 'x')"
    assert main.main([path, "-c", create, "-c", "\\d t"]) == 0
    assert capsys.readouterr().out.split("\n")[1:] == [
        '          Clustered table "t"',
        " Column |  Type   | Nullable | Default",
        "--------+---------+----------+---------",
        " a      | integer | not null |",
        " b      | text    |          | 'x'",
        "Indexes:",
        '    "t_pkey" PRIMARY KEY CLUSTERED (a)',
        "",
    ]
    assert main.main([path, "--read-only", "-c", "DROP TABLE t"]) == 1
    assert capsys.readouterr().err.endswith("in a read-only transaction\n")
