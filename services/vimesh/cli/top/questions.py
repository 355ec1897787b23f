"""Small screens over the list: the keys, a line to type, and a question before anything is changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from vimesh.cli.base.terminal import printable

_BOX = """
{name} {{ align: center middle; }}
{name} > * {{ width: 90%; max-width: 100; height: auto; max-height: 90%; border: ascii $primary; padding: 0 1; }}
"""


class KeyHelp(ModalScreen[None]):
    """Lists the keys. Any of them closes it."""

    CSS = _BOX.format(name="KeyHelp")
    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss", show=False)]  # noqa: RUF012 - the library's own way

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        lines = "\n".join(f"{key:<14} {what}" for key, what in self._keys)
        with VerticalScroll():
            yield Static(Text(f"{lines}\n\nEsc closes this."))


class LinePrompt(ModalScreen[str | None]):
    """Asks for a line. Returns what was typed, or None if Esc was."""

    CSS = _BOX.format(name="LinePrompt") + "LinePrompt Input { border: none; height: 1; padding: 0; }"
    BINDINGS = [Binding("escape", "dismiss(None)", show=False)]  # noqa: RUF012 - as above

    def __init__(self, title: str, typed: str = "", problem: str = "") -> None:
        super().__init__()
        self._title = title
        self._typed = typed
        self._problem = problem

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(printable(self._title), style="bold"))
            yield Input(self._typed, max_length=4096)
            if self._problem:
                yield Static(Text(printable(self._problem), style="red"))
            yield Static(Text("Enter takes it, Esc leaves everything as it is.", style="dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


class ChangeQuestion(ModalScreen[bool]):
    """Asks whether to make a change: only `y` makes it."""

    CSS = _BOX.format(name="ChangeQuestion")
    BINDINGS = [  # noqa: RUF012 - as above
        Binding("y", "dismiss(True)", show=False),
        Binding("n,escape,q,enter", "dismiss(False)", show=False),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(printable(self._question)))
            yield Static(Text("y does it, n or Esc does not.", style="bold"))
