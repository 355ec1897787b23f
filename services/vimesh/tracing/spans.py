"""Spans of the calls that are traced: a caller has asked for it, or the front has drawn it by lot.

Nothing here knows OpenTelemetry: without a tracer, and in calls that are not traced, a span costs one look at a context
variable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Final, ParamSpec, Protocol, TypeVar

TRACEPARENT: Final = "traceparent"
"""The header of W3C Trace Context: version, ids of the trace and of the caller's span, and whether it is sampled."""

_SAMPLED = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f][13579bdf]", re.ASCII)
_NO_SPAN: Final = nullcontext()

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Span(Protocol):
    """A piece of work that is under way."""

    @property
    def traceparent(self) -> str:
        """What makes the spans of another process its children."""

    def child(self, name: str) -> Span:
        """Begin a part of it."""

    def end(self, failure: str = "") -> None:
        """End it. `failure`: the kind of error that ended it; empty if there was none."""


class Tracer(Protocol):
    def join(self, traceparent: str, name: str, request_id: str) -> Span:
        """Begin the span of a call that this process serves, in the trace of its caller."""

    def draw(self, name: str, request_id: str) -> Span | None:
        """Begin a trace, if the lot falls on this piece of work; return None for all others."""


_span: ContextVar[Span | None] = ContextVar("span", default=None)


def sampled_traceparent(metadata: Iterable[tuple[str, object]]) -> str:
    """Return the header of a call that is traced; empty for any other call, and if the header is malformed."""
    for key, value in metadata:
        if key == TRACEPARENT:
            return value if isinstance(value, str) and is_sampled(value) else ""
    return ""


def current_traceparent() -> str:
    """Return what makes the spans of the next process children of the current one; empty if nothing is traced."""
    span = _span.get()
    return "" if span is None else span.traceparent


@contextmanager
def entered(span: Span) -> Generator[None]:
    """Let a span be the current one while the block runs, and end it then."""
    token, failure = _span.set(span), ""
    try:
        yield
    except BaseException as error:
        failure = type(error).__name__
        raise
    finally:
        _span.reset(token)
        span.end(failure)


def root_span(tracer: Tracer | None, name: str, request_id: str, traceparent: str = "") -> AbstractContextManager[None]:
    """Trace the block, which serves no gRPC call, if it came in a trace, or came alone and the lot falls on it.

    `traceparent`: what came with it, well-formed or not.
    """
    if tracer is None:
        return _NO_SPAN
    if is_sampled(traceparent):
        return entered(tracer.join(traceparent, name, request_id))
    span = None if traceparent else tracer.draw(name, request_id)
    return _NO_SPAN if span is None else entered(span)


def in_span(call: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Return the function as another thread has to call it, so that it runs in the current span."""
    return call if _span.get() is None else partial(copy_context().run, call)


def is_sampled(traceparent: str) -> bool:
    """Return whether the value of a header is well-formed, and of a call that is traced."""
    return _SAMPLED.fullmatch(traceparent) is not None


def child_span(name: str) -> AbstractContextManager[None]:
    """Trace the block as a part of the current span; do nothing if there is none."""
    span = _span.get()
    return _NO_SPAN if span is None else entered(span.child(name))
