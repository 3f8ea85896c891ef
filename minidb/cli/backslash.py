"""The shell's own commands, those that begin with a backslash: one table, from which `\\?` and completion are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from minidb.cli import copying, describe, sql_help
from minidb.cli.tables import FORMATS, text_table
from minidb.errors import InvalidParameterValue, UndefinedObject
from minidb.isolation import IsolationLevel

if TYPE_CHECKING:
    from minidb.cli.shell import Shell


class Command(Struct, frozen=True):
    name: str
    argument: str
    help: str
    function: Callable[[Shell, str], None]


def run(shell: Shell, line: str) -> None:
    """Runs the command in `line`. Raises UndefinedObject if there is no such command."""
    word, _, argument = line.rstrip(";").strip().partition(" ")
    command = BY_NAME.get(word)
    if command is None:
        raise UndefinedObject(f"there is no command {word}", hint="\\? lists the commands.")
    command.function(shell, argument.strip())


def is_command(line: str) -> bool:
    """Whether `line` is one of the commands, and not just something with a backslash."""
    return line.rstrip(";").strip().partition(" ")[0] in BY_NAME


# -- general


def show_help(shell: Shell, argument: str) -> None:
    usages = [f"{command.name} {command.argument}".rstrip() for command in COMMANDS]
    width = max(map(len, usages))
    shell.print("\n".join(f"  {usage.ljust(width)}  {command.help}" for usage, command in zip(usages, COMMANDS)))


def show_sql_help(shell: Shell, argument: str) -> None:
    shell.print(sql_help.synopsis(argument) if argument else sql_help.overview())


def leave(shell: Shell, argument: str) -> None:
    from minidb.cli.shell import Quit

    raise Quit


def include(shell: Shell, argument: str) -> None:
    shell.include(required(argument, "\\i FILE"))


def copy(shell: Shell, argument: str) -> None:
    shell.feed(copying.client_copy(required(argument, "\\copy TABLE from|to FILE")) + ";")


def echo(shell: Shell, argument: str) -> None:
    shell.print(argument)


def show_buffer(shell: Shell, argument: str) -> None:
    shell.print(shell.buffer.rstrip("\n") or "The input is empty.")


def forget_buffer(shell: Shell, argument: str) -> None:
    shell.buffer = ""


# -- objects


def list_relations(shell: Shell, argument: str) -> None:
    catalog = shell.crew.current.session.catalog
    shell.print(describe.describe(catalog, argument) if argument else describe.relations(catalog))


def list_tables(shell: Shell, argument: str) -> None:
    shell.print(describe.tables(shell.crew.current.session.catalog))


def list_indexes(shell: Shell, argument: str) -> None:
    shell.print(describe.indexes(shell.crew.current.session.catalog))


def list_sequences(shell: Shell, argument: str) -> None:
    shell.print(describe.sequences(shell.crew.current.session.catalog))


def list_views(shell: Shell, argument: str) -> None:
    shell.print(describe.views(shell.crew.current.session.catalog))


# -- output


def set_expanded(shell: Shell, argument: str) -> None:
    shell.style.expanded = switched(shell.style.expanded, argument)
    shell.print(f"Expanded display is {'on' if shell.style.expanded else 'off'}.")


def set_timing(shell: Shell, argument: str) -> None:
    shell.timing = switched(shell.timing, argument)
    shell.print(f"Timing is {'on' if shell.timing else 'off'}.")


def set_output(shell: Shell, argument: str) -> None:
    shell.send_output_to(argument or None)


def set_option(shell: Shell, argument: str) -> None:
    name, _, value = argument.partition(" ")
    value = unquoted(value.strip())
    if name == "":
        shell.print(f"format   {shell.style.format}\nnull     '{shell.style.null}'")
    elif name == "null":
        shell.style.null = value
        shell.print(f"NULL is shown as '{value}'.")
    elif name == "format":
        if value not in FORMATS:
            raise InvalidParameterValue(f"the formats are {', '.join(FORMATS)}, not '{value}'")
        shell.style.format = value
        shell.print(f"The format is {value}.")
    else:
        raise InvalidParameterValue(f"there is no option '{name}'", hint="The options are null and format.")


# -- sessions


def set_isolation(shell: Shell, argument: str) -> None:
    session = shell.crew.current.session
    if argument:
        session.isolation_level = IsolationLevel.parse(unquoted(argument)).value
    shell.print(f"The isolation level of the next transactions is {session.isolation_level}.")


def set_dialect(shell: Shell, argument: str) -> None:
    session = shell.crew.current.session
    if argument:
        session.dialect = unquoted(argument)
    shell.print(f"The dialect is {session.dialect or 'minidb'}.")


def switch_session(shell: Shell, argument: str) -> None:
    crew = shell.crew
    if argument == "-":
        leaving = crew.drop()
        shell.print(f"Session {leaving.name} is closed; this is session {crew.current.name}.")
        shell.settle()
    elif argument:
        shell.print(f"Session {crew.switch(argument).name}.")
    else:
        shell.print(f"Session {crew.current.name}.")


def list_sessions(shell: Shell, argument: str) -> None:
    rows = []
    for worker in shell.crew:
        blocked_by = worker.blocked_by
        state = f"waits for {blocked_by}" if blocked_by is not None else STATES[worker.session.state]
        rows.append(("*" if worker is shell.crew.current else "", worker.name, worker.level(), state))
    shell.print(text_table(("", "Session", "Level", "State"), rows))


STATES = {"idle": "idle", "active": "in a transaction", "failed": "in a failed transaction"}


# -- arguments


def required(argument: str, usage: str) -> str:
    if not argument:
        raise InvalidParameterValue(f"an argument is missing: {usage}")
    return unquoted(argument)


def switched(value: bool, argument: str) -> bool:
    if argument.lower() not in ("", "on", "off"):
        raise InvalidParameterValue(f"on or off, not '{argument}'")
    return {"": not value, "on": True, "off": False}[argument.lower()]


def unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text


COMMANDS = (
    Command("\\?", "", "this list", show_help),
    Command("\\h", "[STATEMENT]", "how a statement is written", show_sql_help),
    Command("\\q", "", "leave (Ctrl-D)", leave),
    Command("\\i", "FILE", "run the statements and commands of a file", include),
    Command("\\copy", "...", "COPY from or to a file that is named without quotes: \\copy t from ~/t.csv csv", copy),
    Command("\\echo", "TEXT", "print a text", echo),
    Command("\\p", "", "show the statement that has been begun", show_buffer),
    Command("\\r", "", "forget the statement that has been begun", forget_buffer),
    Command("\\d", "[NAME]", "tables, views, sequences; or one of them, or an index, in full", list_relations),
    Command("\\dt", "", "tables", list_tables),
    Command("\\di", "", "indexes", list_indexes),
    Command("\\dv", "", "views", list_views),
    Command("\\ds", "", "sequences", list_sequences),
    Command("\\x", "[on|off]", "one column per line", set_expanded),
    Command("\\timing", "[on|off]", "show how long statements take", set_timing),
    Command("\\o", "[FILE]", "send results to a file; without a name back to the screen", set_output),
    Command("\\pset", "[NAME VALUE]", "null TEXT: how NULL is shown; format aligned|csv", set_option),
    Command("\\isolation", "[LEVEL]", "isolation level of this session's next transactions", set_isolation),
    Command("\\dialect", "[NAME]", "the SQL that this session expects: mysql, sqlite, duckdb, tsql ...", set_dialect),
    Command("\\session", "[NAME|-]", "go to another session, made if it is new; - closes this one", switch_session),
    Command("\\sessions", "", "all sessions, and whom they wait for", list_sessions),
)
BY_NAME = {command.name: command for command in COMMANDS}
HABITS = {  # what people type who come from other shells
    "help": "\\?",
    "?": "\\?",
    ".help": "\\?",
    "quit": "\\q",
    "exit": "\\q",
    ".quit": "\\q",
    ".exit": "\\q",
    ".tables": "\\dt",
    "show tables": "\\dt",
}


def meant(line: str) -> str:
    """The command that is meant by a line that is no SQL, or the line itself."""
    return HABITS.get(line.strip().rstrip("; ").lower(), line)
