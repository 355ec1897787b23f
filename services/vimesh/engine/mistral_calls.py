"""Runs blocking calls to Mistral in a bounded number of threads, and converts their errors to our own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from keystoneauth1 import exceptions
from keystoneauth1.session import Session
from mistralclient.api.base import APIException
from mistralclient.api.v2.client import Client

from vimesh.engine.bounded_http import OutOfBounds
from vimesh.engine.engine_errors import EngineError, EngineRefused, EngineUnavailable
from vimesh.engine.mistral_access import MistralAccess, client_over, open_session
from vimesh.engine.mistral_statistics import OK, REFUSED, UNAVAILABLE, MistralStatistics
from vimesh.tracing.spans import child_span

T = TypeVar("T")

# The 4xx codes for timeouts and overload: they do not mean that the request was refused.
_RETRYABLE_CODES = {408, 425, 429}


class MistralCalls:
    def __init__(self, access: MistralAccess, statistics: MistralStatistics) -> None:
        self._access = access
        self._statistics = statistics
        self._threads = ThreadPoolExecutor(access.concurrency, thread_name_prefix="mistral")
        # Threads may share neither client nor session.
        self._thread_local = threading.local()
        self._sessions: list[Session] = []

    @property
    def place(self) -> str:
        """Where Mistral is, in a form that may be shown to users."""
        return self._access.place

    async def call(self, name: str, request: Callable[[Client], T]) -> T:
        """Have a thread call `request` with its client. Raises EngineUnavailable, EngineRefused.

        `name`: what it is counted as.

        A caller that is cancelled does not wait for the call under way, which ends within its timeout.
        """
        with child_span("Mistral call"):
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._call_in_thread, name, request)

    def _call_in_thread(self, name: str, request: Callable[[Client], T]) -> T:
        result, begun = UNAVAILABLE, time.monotonic()
        try:
            with mistral_errors(self._access):
                answer = request(self._client())
        except EngineRefused:
            result = REFUSED
            raise
        else:
            result = OK
            return answer
        finally:
            self._statistics.count(name, result, time.monotonic() - begun)

    def _client(self) -> Client:
        client: Client | None = getattr(self._thread_local, "client", None)
        if client is None:
            client = self._thread_local.client = client_over(self._session(), self._access)
        return client

    def _session(self) -> Session:
        # One for each thread, however often no client can be made of it because Keystone is unavailable.
        session: Session | None = getattr(self._thread_local, "session", None)
        if session is None:
            session = self._thread_local.session = open_session(self._access)
            self._sessions.append(session)
        return session

    def close(self) -> None:
        """Wait for the calls that are under way; start no others."""
        self._threads.shutdown(cancel_futures=True)
        for session in self._sessions:
            session.session.close()


@asynccontextmanager
async def mistral_calls(
    access: MistralAccess, statistics: MistralStatistics | None = None
) -> AsyncGenerator[MistralCalls]:
    calls = MistralCalls(access, statistics or MistralStatistics())
    try:
        yield calls
    finally:
        await asyncio.to_thread(calls.close)


@contextmanager
def mistral_errors(access: MistralAccess) -> Generator[None]:
    """Convert the client's exceptions into EngineUnavailable and EngineRefused."""
    try:
        yield
    except APIException as error:
        raise _error_of(access, error.error_code or 0, error.error_message) from error
    except exceptions.HttpError as error:
        raise _error_of(access, error.http_status or 0, error.message) from error
    except exceptions.ConnectTimeout as error:
        raise EngineUnavailable(access.place, f"no answer within {access.call_timeout_s:g} s") from error
    except exceptions.UnknownConnectionError as error:
        description = str(error.original) if isinstance(error.original, OutOfBounds) else "cannot connect"
        raise EngineUnavailable(access.place, description) from error
    except exceptions.ConnectFailure as error:
        raise EngineUnavailable(access.place, "cannot connect") from error
    except exceptions.ClientException as error:
        # The error's text may contain what was sent to Keystone.
        raise EngineUnavailable(access.place, f"cannot be asked: {type(error).__name__}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EngineUnavailable(access.place, "the answer is not one of Mistral's") from error


def _error_of(access: MistralAccess, code: int, message: str | bytes | None) -> EngineError:
    text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    if 400 <= code < 500 and code not in _RETRYABLE_CODES:
        return EngineRefused(code, text)
    return EngineUnavailable(access.place, f"answered {code}: {text}")
