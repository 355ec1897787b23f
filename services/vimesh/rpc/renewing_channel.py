"""A channel whose credentials are files that may be replaced at any time.

gRPC's own channels never read a certificate again. This one opens another channel when the files have changed, sends
new calls there, and closes the former one when its last call has ended: no call is lost, and no watch is cut short.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Protocol, Self

import grpc

from vimesh.domain.errors import BadSetting

LOOK_EVERY_S: Final = 1.0
"""How often a call looks whether the files have changed."""

Open = Callable[[grpc.ChannelCredentials], grpc.aio.Channel]


class ReadCredentials(Protocol):
    def for_channel(self) -> grpc.ChannelCredentials: ...


class CredentialSource(Protocol):
    def version(self) -> object:
        """Return a value that changes whenever other credentials would be read."""

    def read(self) -> ReadCredentials:
        """Raises BadSetting if the files cannot be used."""

    @property
    def refused_tokens(self) -> int:
        """How many tokens were refused that are in no file."""

    def refuse_token(self) -> None:
        """Show another token from now on, if the present one is in no file."""


class _Generation:
    """A channel with one state of the files."""

    def __init__(self, channel: grpc.aio.Channel, version: object) -> None:
        self.channel = channel
        self.version = version
        self.calls = 0
        """Number of calls that have not ended."""
        self.methods: dict[_Method, Callable[..., Any]] = {}


class RenewingChannel(grpc.aio.Channel):
    """Use it as any other channel, in the event loop in which it was made."""

    def __init__(
        self, credentials: CredentialSource, open_channel: Open, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises BadSetting if the files cannot be used."""
        self._credentials = credentials
        self._open = open_channel
        self._clock = clock
        self._look_at = clock() + LOOK_EVERY_S
        self._newest = self._make(credentials.version())
        self._former: set[_Generation] = set()
        """Generations with calls that have not ended."""
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        for generation in (self._newest, *self._former):
            await generation.channel.close(grace)
        await asyncio.gather(*self._closing)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._newest.channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._newest.channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._newest.channel.channel_ready()

    def unary_unary(self, *about: Any, **options: Any) -> Any:  # noqa: ANN401 - as gRPC's own channel
        return _Method(self, "unary_unary", about, options)

    def unary_stream(self, *about: Any, **options: Any) -> Any:  # noqa: ANN401 - as gRPC's own channel
        return _Method(self, "unary_stream", about, options)

    def stream_unary(self, *about: Any, **options: Any) -> Any:  # noqa: ANN401 - as gRPC's own channel
        return _Method(self, "stream_unary", about, options)

    def stream_stream(self, *about: Any, **options: Any) -> Any:  # noqa: ANN401 - as gRPC's own channel
        return _Method(self, "stream_stream", about, options)

    def start(self, method: _Method, call_arguments: tuple[Any, ...], call_options: dict[str, Any]) -> Any:  # noqa: ANN401 - any call
        """Start a call with the credentials in the files."""
        self._renew_if_changed()
        generation = self._newest
        if (start := generation.methods.get(method)) is None:
            start = generation.methods[method] = method.on(generation.channel)
        call = start(*call_arguments, **call_options)
        generation.calls += 1
        call.add_done_callback(lambda _: self._end_call(generation))
        return call

    def shown(self) -> object:
        """Return what new calls show, for `renewed_since`."""
        return self._newest, self._credentials.refused_tokens

    def renewed_since(self, shown: object) -> bool:
        """Return whether new calls show something else than one that was refused, and look for it if they do not."""
        if shown == self.shown():
            self._credentials.refuse_token()
            self._look_at = self._clock()
            self._renew_if_changed()
        return shown != self.shown()

    def _renew_if_changed(self) -> None:
        if self._clock() < self._look_at:
            return
        self._look_at = self._clock() + LOOK_EVERY_S
        version = self._credentials.version()
        if version == self._newest.version:
            return
        try:
            renewed = self._make(version)
        except BadSetting as error:
            import structlog  # noqa: PLC0415 - takes long to import, and a short command has nothing to log

            log = structlog.get_logger()
            log.warning("new credentials cannot be used: calls go on with the former ones", why=str(error))
            self._newest.version = version  # so that this is said, and tried, once
            return
        former, self._newest = self._newest, renewed
        if former.calls:
            self._former.add(former)
        else:
            self._close(former)

    def _make(self, version: object) -> _Generation:
        return _Generation(self._open(self._credentials.read().for_channel()), version)

    def _end_call(self, generation: _Generation) -> None:
        generation.calls -= 1
        if not generation.calls and generation in self._former:
            self._former.discard(generation)
            self._close(generation)

    def _close(self, generation: _Generation) -> None:
        task = asyncio.get_running_loop().create_task(generation.channel.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Method:
    """A method of a stub: each call goes to the newest channel."""

    def __init__(self, channel: RenewingChannel, kind: str, about: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.channel = channel
        self._kind = kind
        self._about = about
        self._options = options

    def __call__(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - any call
        return self.channel.start(self, arguments, options)

    def on(self, channel: grpc.aio.Channel) -> Callable[..., Any]:
        """Return the same method on a channel of gRPC."""
        method: Callable[..., Any] = getattr(channel, self._kind)(*self._about, **self._options)
        return method


class ShownCredentials:
    """What a call shows that is about to be made."""

    def __init__(self, method: object) -> None:
        """`method`: that of a stub."""
        self._channel = method.channel if isinstance(method, _Method) else None
        self._shown = None if self._channel is None else self._channel.shown()

    def are_outdated(self) -> bool:
        """Return whether a call that was refused would show something else by now."""
        return self._channel is not None and self._channel.renewed_since(self._shown)
