"""Commands that are imported when they are used: a process or a short command pays for no other's imports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from vimesh.cli.plain_values import use_plain_values
from vimesh.cli.verb_first import list_unless_named


@dataclass(frozen=True)
class CommandSource:
    """Where a command is defined.

    Args:
        target: `MODULE:NAME` of its function, or of the `typer.Typer` of a group.
        summary: The first sentence of its help, for lists of commands, which import none of them.
        epilog: `MODULE:NAME` of the text after its help; none if empty.
        hidden: Whether lists of commands leave it out.
    """

    target: str
    summary: str
    epilog: str = ""
    hidden: bool = False


class _CommandWithEpilog(TyperCommand):
    epilog_source = ""

    @property
    def epilog(self) -> str | None:
        """The text after its help, which is imported when somebody asks for it."""
        return _load(self.epilog_source) if self.epilog_source else None

    @epilog.setter
    def epilog(self, _: object) -> None:
        """Let the library set none."""


class _LazyCommands(Mapping[str, Any]):
    """The commands of a group by their names; the values are commands of the library, made when asked for."""

    def __init__(self, sources: Mapping[str, CommandSource]) -> None:
        self._sources = sources

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - the library exports no type of commands
        source = self._sources[name]
        target = _load(source.target)
        if isinstance(target, typer.Typer):
            command: Any = typer.main.get_group(target)
            command.name = name
        else:
            only = typer.Typer(add_completion=False, rich_markup_mode=None)
            only.command(name, cls=_CommandWithEpilog, hidden=source.hidden)(target)
            command = typer.main.get_command(only)
            command.epilog_source = source.epilog
        use_plain_values(command)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def group_with_aliases(aliases: Mapping[str, str]) -> type[TyperGroup]:
    """Return the class of a group whose commands have other names too; for the `cls` of a `typer.Typer`.

    `aliases`: the other names, which help does not list, and the names that they stand for.
    """

    class GroupWithAliases(TyperGroup):
        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - the library exports no type of either
            return super().get_command(ctx, aliases.get(cmd_name, cmd_name))

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as above
            return super().resolve_command(ctx, list_unless_named(args) if "get" in aliases else args)

    return GroupWithAliases


def lazy_group(
    sources: Mapping[str, CommandSource],
    *,
    aliases: Mapping[str, str] | None = None,
    reorder: Callable[[list[str]], list[str]] = list,
) -> type[TyperGroup]:
    """Return the class of a group with these commands, in this order; for the `cls` of a `typer.Typer`.

    `aliases`: as above. `reorder`: changes the words of a command line before the command is looked up.
    """

    class LazyGroup(group_with_aliases(aliases or {})):  # type: ignore[misc]
        def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - the library's own
            super().__init__(**attributes | {"commands": _LazyCommands(sources)})

        def make_context(self, *arguments: Any, **attributes: Any) -> Any:  # noqa: ANN401 - as above
            # Not before: the library adds flags of its own to a group that is made.
            use_plain_values(self)
            return super().make_context(*arguments, **attributes)

        def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
            TyperGroup.format_commands(_listed(sources), ctx, formatter)

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as above
            return super().resolve_command(ctx, reorder(args))

    return LazyGroup


def _listed(sources: Mapping[str, CommandSource]) -> TyperGroup:
    """Return a group of commands that can only be listed."""
    return TyperGroup(
        commands={
            name: TyperCommand(name, help=source.summary, hidden=source.hidden) for name, source in sources.items()
        },
        rich_markup_mode=None,
    )


def _load(target: str) -> Any:  # noqa: ANN401 - whatever is there
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
