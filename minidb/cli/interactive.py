"""The shell at a terminal: prompt_toolkit's line editor around `shell.Shell`.

Enter runs the input when it is complete (a backslash command, or ends with a semicolon outside of quotes) and starts
a new line when it is not; Alt-Enter runs it as it is. A command in the middle of a statement is run, and the
statement goes on. Ctrl-C stops the statement of a blocked session, or forgets the input; Ctrl-D leaves. Only this
module imports prompt_toolkit, and only `main` imports this module, when it needs it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.output import Output
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.styles import Style

from minidb.cli import highlighting
from minidb.cli.backslash import meant
from minidb.cli.completion import WORD, suggestions
from minidb.cli.shell import Quit, Shell, cut, prompt
from minidb.sql.parser import keywords

STYLE = Style.from_dict(
    {
        "sql.keyword": "bold ansiblue",
        "sql.string": "ansigreen",
        "sql.number": "ansicyan",
        "sql.parameter": "ansimagenta",
        "sql.comment": "italic ansibrightblack",
        "sql.command": "bold ansimagenta",
        "prompt": "bold",
    }
)


def run(shell: Shell, terminal: tuple[Input, Output] | None = None) -> None:
    """Reads and runs until Ctrl-D or `\\q`. `terminal` stands in for the real one in tests."""
    words = frozenset(keyword.lower() for keyword in keywords())
    session = prompt_session(shell, words, terminal)

    def arrived() -> None:  # between two prompts the next one sees to it
        if session.app.is_running and shell.crew.has_arrivals:
            loop = session.app.loop
            assert loop is not None
            loop.call_soon_threadsafe(lambda: run_in_terminal(shell.show_arrivals))

    shell.crew.on_arrival = arrived
    try:
        with patch_stdout(raw=True):
            while read_and_run(shell, session):
                pass
    finally:
        shell.crew.on_arrival = None


def read_and_run(shell: Shell, session: PromptSession[str]) -> bool:
    """One input. Returns False when it was the last one."""
    try:
        begun, shell.buffer = shell.buffer, ""
        text = session.prompt(
            lambda: [("class:prompt", prompt(shell))], pre_run=shell.crew.on_arrival, default=begun
        )
        for line in text.split("\n"):
            shell.feed(line)
        if not ends_with_command(text, shell):  # else what has been begun comes back at the next prompt
            shell.finish()
    except KeyboardInterrupt:
        shell.buffer = ""
        shell.interrupt()
        shell.settle()
    except (EOFError, Quit):
        return False
    return True


def prompt_session(
    shell: Shell, words: Collection[str], terminal: tuple[Input, Output] | None
) -> PromptSession[str]:
    return PromptSession(
        history=history(),
        lexer=SqlLexer(words),
        completer=SqlCompleter(shell, words),
        complete_while_typing=False,
        multiline=True,
        key_bindings=key_bindings(shell),
        prompt_continuation=lambda width, line, wrapped: "-> ".rjust(width),
        style=STYLE,
        input=terminal[0] if terminal else None,
        output=terminal[1] if terminal else None,
    )


def complete(text: str, shell: Shell) -> bool:
    """Whether Enter runs `text` rather than starting a new line."""
    stripped = text.strip()
    if not stripped or meant(stripped).startswith("\\") or ends_with_command(text, shell):
        return True
    return not cut(text, shell.dialect)[1]


def ends_with_command(text: str, shell: Shell) -> bool:
    """Whether the last line is a command in the middle of a statement."""
    begun, newline, line = text.rpartition("\n")
    return bool(newline) and line.lstrip().startswith("\\") and shell.hears(line, begun + newline)


def key_bindings(shell: Shell) -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
        elif complete(buffer.text, shell):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @bindings.add("escape", "enter")
    def run_as_it_is(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return bindings


def history() -> History:
    """The inputs of earlier days, in the user's state directory; only in memory if that cannot be written."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    file = Path(state).expanduser() / "minidb" / "history"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(file))


class SqlLexer(Lexer):
    def __init__(self, words: Collection[str]) -> None:
        self._words = words

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        lines = highlighting.lines(document.text, self._words)
        styled: list[StyleAndTextTuples] = [[(f"class:sql.{kind}", piece) for kind, piece in line] for line in lines]
        return lambda number: styled[number] if number < len(styled) else []


class SqlCompleter(Completer):
    def __init__(self, shell: Shell, words: Collection[str]) -> None:
        self._shell = shell
        self._words = words

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        crew = self._shell.crew
        start = word_length(text)
        for word in suggestions(text, crew.current.session.catalog, self._words, crew.workers):
            yield Completion(word, start_position=-start)


def word_length(text: str) -> int:
    """How much of the text before the cursor a suggestion takes the place of: a word, or a command's argument."""
    command, space, argument = text.lstrip().partition(" ")
    if command.startswith("\\"):
        return len(argument) if space else len(command)
    found = WORD.search(text)
    return len(found[0]) if found else 0
