"""Asks Keystone about a token, as keystonemiddleware does: in the name of a service user, by blocking calls."""

from __future__ import annotations

import json
import re
import threading
import time
from datetime import datetime
from typing import Any, Final

from vimesh.api.keystone.service_file import ServiceFile
from vimesh.api.keystone.token_claims import KeystoneUnavailable, TokenClaims

CALL_S: Final = 10.0
"""Limit of each step of a call to Keystone; a whole answer may take no longer either."""
_ID = re.compile(r"[!-+.-~-]{1,255}", re.ASCII)
"""Without commas, which separate the ids of projects."""
_MAX_ROLES: Final = 1000


class KeystoneClient:
    """May be used by several threads: each has a session of its own, and all share one login."""

    def __init__(self, file: ServiceFile) -> None:
        self._file = file
        self._of_thread = threading.local()

    def ask(self, token: str) -> TokenClaims | None:
        """Return what Keystone says about a token; None if it is not valid. Raises KeystoneUnavailable.

        Each wait has a limit. A service user whose own login has ended is logged in again once.
        """
        from keystoneauth1 import exceptions  # noqa: PLC0415 - optional, and slow to import
        from keystoneauth1.plugin import AUTH_INTERFACE  # noqa: PLC0415 - as above

        try:
            answer = self._session().get(
                "/auth/tokens?nocatalog=1",
                endpoint_filter={"interface": AUTH_INTERFACE, "version": (3, 0)},
                headers={"X-Subject-Token": token},
                log=False,
            )
        except exceptions.NotFound:
            return None
        except exceptions.HttpError as error:
            why = "refuses the service user" if error.http_status in {401, 403} else f"answers {error.http_status}"
            raise KeystoneUnavailable(why) from None
        except exceptions.ClientException as error:
            # Its text may contain what was sent.
            raise KeystoneUnavailable(f"cannot be asked: {type(error).__name__}") from None
        return _claims_in(answer.content)

    def _session(self) -> Any:  # noqa: ANN401 - the library has no types
        from vimesh.engine.bounded_http import bound_answers  # noqa: PLC0415 - needs optional packages

        session = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = self._file.open_session()
            session.timeout = CALL_S
            bound_answers(session, CALL_S)
        return session


def _claims_in(content: bytes) -> TokenClaims | None:
    from keystoneauth1.access import AccessInfoV3  # noqa: PLC0415 - optional, and slow to import

    try:
        info = AccessInfoV3(json.loads(content))
        claims = TokenClaims(
            user_id=_id(info.user_id),
            project_id=_id(info.project_id) if info.project_scoped else "",
            roles=tuple(str(name) for name in (info.role_names or ())[:_MAX_ROLES]),
            user_domain_id=str(info.user_domain_id or ""),
            project_domain_id=str(info.project_domain_id or "") if info.project_scoped else "",
            system_scope="all" if info.system_scoped else "",
            expires_at=_moment(info.expires),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise KeystoneUnavailable("its answer is not one of Keystone's") from None
    return claims if claims.expires_at > time.time() else None


def _moment(time_: datetime | None) -> float:
    if time_ is None:
        raise ValueError("a token without an end")
    return time_.timestamp()


def _id(value: object) -> str:
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise ValueError("an id is not one")
