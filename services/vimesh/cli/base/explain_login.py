"""Explains to the user why there is no token."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.client.login.login_errors import IssuerUnavailable, LoginEnded, LoginFailed


@contextmanager
def login_explained() -> Generator[None]:
    """Turn what goes wrong with a login into a Failure."""
    try:
        yield
    except LoginFailed as error:
        raise login_failure(error) from error
    except OSError as error:
        raise Failure(f"{error.filename or 'the login'}: {error.strerror}") from error


def login_failure(error: LoginFailed) -> Failure:
    match error:
        case LoginEnded():
            return Failure(str(error), hint=f"vimesh login --profile {error.profile}")
        case IssuerUnavailable():
            return Failure(str(error), code=ExitCode.UNAVAILABLE, hint="the issuer may answer later")
        case _:
            return Failure(str(error))
