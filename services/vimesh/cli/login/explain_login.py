"""Explains to the user why there is no token."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.login.login_errors import IssuerUnavailable, LoginEnded, LoginFailed


@contextmanager
def login_explained(profile: str) -> Generator[None]:
    """Turn what goes wrong with a login into a Failure."""
    try:
        yield
    except LoginEnded as error:
        raise Failure(str(error), hint=f"vimesh login --profile {profile}") from error
    except IssuerUnavailable as error:
        raise Failure(str(error), code=ExitCode.UNAVAILABLE, hint="the issuer may answer later") from error
    except LoginFailed as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename or 'the login'}: {error.strerror}") from error
