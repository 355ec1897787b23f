"""What the services need from the outside, as protocols."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Never, Protocol

from vimesh.domain.actions import Action, ActionScope
from vimesh.domain.errors import VimeshError
from vimesh.domain.events import LogSpan, VimEvent
from vimesh.domain.queries import VimPage, VimQuery
from vimesh.domain.retention import Retention
from vimesh.domain.todos import ClaimedTodo
from vimesh.domain.vims import Modification, Outcome, Registered, Registration, Repeat, Report, Standing, Vim


class VimStore(Protocol):
    """Where VIMs live. Every method is one transaction, and raises StoreUnavailable when it cannot be known.

    Overloaded says that too many calls wait already, or that this one has waited for its turn for too long.

    A change and its event commit together; revisions grow by one with each change, in commit order (G8). What a change
    asks of a workflow engine commits with it as well (G9). A status whose lease has ended reads UNKNOWN (G6).
    """

    async def register(self, registration: Registration) -> Vim:
        """Store a new VIM with a new action id.

        Raises NameTaken, DefaultTaken, VimIdTaken, RequestIdReused, and BadInput for credentials that are masked.
        """

    async def register_many(self, registrations: Sequence[Registration]) -> list[Registered | VimeshError]:
        """Judge one registration after the other as `register` would; store those that pass in one transaction.

        Returns what came of each, in the same order: a refusal is the error that `register` would have raised.
        """

    async def get(self, vim_id: str) -> Vim:
        """Raises VimNotFound."""

    async def list_vims(self, query: VimQuery) -> VimPage:
        """Return a page: a shorter one if the VIMs are large. Raises PageTokenInvalid."""

    async def modify(self, vim_id: str, modification: Modification) -> Vim:
        """Change a VIM; a new auth_url, type, policy or engine comes with a new action id (G11).

        A modification that changes nothing leaves no event. Raises VimNotFound, EtagMismatch, NameTaken, DefaultTaken,
        and BadInput for what does not go together with what is stored.
        """

    async def deregister(self, vim_id: str) -> None:
        """Remove a VIM and its credentials. Raises VimNotFound."""

    async def record(self, reports: Sequence[Report], *, contact_within_s: float) -> list[Outcome]:
        """Judge each report alone, write what must be written in one transaction; outcomes in the same order.

        Two reports on one VIM in one call are judged one after the other. Each report of a wanted action sees to it
        that the action has a lease, as of one that was told to be back by then.
        """

    @property
    def believed(self) -> Mapping[str, Standing]:
        """What is on record of VIMs as far as this process knows, by their ids. It may be outdated.

        Nothing of it is to be changed but `said`.
        """

    async def repeat(self, repeats: Sequence[Repeat]) -> bool:
        """Take contacts of actions that have no news: each says again what is believed of its VIM.

        Does what `record` would. False: that this is still on record of all of them cannot be confirmed; ask `record`.
        """

    async def lapse(self, limit: int) -> int:
        """Put on record that up to `limit` statuses hold no more, with an event each; return how many (G6, G8).

        They read UNKNOWN before, but nobody was told.
        """

    async def sweep(self, limit: int) -> int:
        """Replace up to `limit` actions whose silence is on record, the oldest first; return how many (G7).

        Those that were never heard, and should have been by now, are silent as well. EXTERNAL ones are never replaced:
        nobody could start another.
        """

    async def clock(self) -> dt.datetime:
        """Read the database's clock: only its own readings can be compared with each other."""

    async def count_vims(self) -> int:
        """Return how many VIMs there are."""

    async def claim_todos(self, claimant: str, limit: int, lease_s: float) -> list[ClaimedTodo]:
        """Lease to-dos that are due, oldest first, and never one of a VIM of which an older one is open."""

    async def finish_todo(
        self, todo_id: str, claim_token: str, *, error: str = "", retry_after_s: float | None = None
    ) -> None:
        """End a claim: the to-do is done, or due again after `retry_after_s`, or after a pause that grows with errors.

        Raises TodoNotFound when it is done already, or claimed anew.
        """

    async def hear_commits(self, heard: Callable[[], None]) -> Never:
        """Call `heard` as soon as another process may have changed something. Runs until cancelled.

        A hint, for databases that tell: some never do, and none says what was changed, or tells of everything. Raises
        StoreUnavailable.
        """

    async def span(self) -> LogSpan:
        """Say which revisions the log holds: also the cheapest proof that the database answers."""

    async def require_writable(self) -> None:
        """Raise StoreUnavailable if the database takes no writes. Cheap: to be asked again and again."""

    async def events_after(self, revision: int, limit: int) -> list[VimEvent]:
        """Return changes in order. Raises RevisionCompacted, RevisionUnknown, EventUnreadable."""

    async def compact(self, retention: Retention, limit: int) -> int:
        """Drop up to `limit` of the oldest changes that are not to be kept; return how many.

        Whoever asks for one of them later hears RevisionCompacted.
        """

    async def forget_requests(self) -> int:
        """Forget the ids of requests that are too old, or too many; return how many.

        Who repeats such a request is refused where its VIM is there, for its name or id is taken.
        """

    async def logged_bytes(self) -> int:
        """Return how many bytes of changes were ever stored, about: by how much it grows, the log does."""

    async def events_of(self, vim_id: str, page_size: int, page_token: str) -> tuple[list[VimEvent], str]:
        """Return the changes of one VIM (of all, if empty), newest first, and the token of the next page.

        Works for a VIM that is gone. Raises PageTokenInvalid, EventUnreadable.
        """

    async def vims_after(self, vim_id: str, limit: int) -> list[Vim]:
        """Return VIMs in the order of their ids, for a snapshot: fewer if they are large, none if none are left."""

    async def actions_after(self, scope: ActionScope, vim_id: str, limit: int) -> list[Action]:
        """Return wanted actions in the order of their VIMs' ids, for a snapshot."""

    async def actions_of(self, vim_ids: Sequence[str]) -> list[Action]:
        """Return the wanted actions of these VIMs; those that are gone are left out."""
