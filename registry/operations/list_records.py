"""Listing what a caller may see: its own decoys, hits and exclusions; for the operator, everybody's, and organisations,
keys, disputes.

A page is asked with the id after which it begins. Lists hold no number, since none is stored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, TypeVar
from uuid import UUID

from registry.db import api_keys, decoys, disputes, exclusions, generations, organisations, submissions
from registry.db.api_keys import StoredKey
from registry.db.database import Reading, Writing
from registry.db.decoys import ListedDecoy
from registry.db.disputes import Dispute
from registry.db.exclusions import Exclusion
from registry.db.generations import Generation
from registry.db.organisations import Organisation
from registry.db.submissions import EVERY_HIT, Submission, Wanted
from registry.domain.errors import Code, Refused
from registry.operations.manage_exclusions import side_of
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.registry import Registry

T = TypeVar("T", ListedDecoy, Submission, Organisation, Exclusion, Dispute)

WITHHELD_DAYS: Final = 90
"""For how long back, today included, a listed line tells of callers that withheld their number."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """next: the id to continue from; None on the last page."""

    items: list[T]
    next: UUID | None


class _ListOperation(ReadOperation[None, Page[T]]):
    """after: the last id of the page before. limit: at most so many."""

    after: UUID | None
    limit: int

    def prepare(self, registry: Registry) -> None:
        del registry

    def _page(self, fetch: Callable[[UUID | None, int], list[T]]) -> Done[Page[T]]:
        """Asks for one more than wanted, which tells whether there is a next page."""
        found = fetch(self.after, self.limit + 1)
        items = found[: self.limit]
        return Done(Page(items, items[-1].id if len(found) > self.limit else None), count={"listed": len(items)})


@dataclass(frozen=True, slots=True)
class ListDecoys(_ListOperation[ListedDecoy]):
    """An investigator sees its own alone, the operator everybody's. organisation: only this one's, which finds nothing
    where these are not the caller's to see. quarantined: only those that are in quarantine, or only those that are not.
    """

    name = "list_decoys"
    after: UUID | None
    limit: int
    organisation: UUID | None = None
    quarantined: bool | None = None

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Page[ListedDecoy]]:
        side = side_of(caller)
        if side is not None and self.organisation not in {None, side}:
            return self._page(lambda _after, _most: [])
        owner = self.organisation if side is None else side
        since = registry.clock().date() - timedelta(days=WITHHELD_DAYS - 1)
        return self._page(
            lambda after, most: decoys.page(
                tx, owner, quarantined=self.quarantined, before=after, most=most, withheld_since=since
            )
        )


@dataclass(frozen=True, slots=True)
class ListHits(_ListOperation[Submission]):
    """An organisation's own. wanted: only these of them, which finds nothing on a line that is not its own."""

    name = "list_hits"
    after: UUID | None
    limit: int
    wanted: Wanted = EVERY_HIT

    def prepare(self, registry: Registry) -> None:
        del registry
        self.wanted.occurred.require_forward()

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Page[Submission]]:
        owner = caller.organisation()
        return self._page(lambda after, most: submissions.page(tx, owner, self.wanted, before=after, most=most))


@dataclass(frozen=True, slots=True)
class ListOrganisations(_ListOperation[Organisation]):
    name = "list_organisations"
    after: UUID | None
    limit: int

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Page[Organisation]]:
        return self._page(lambda after, most: organisations.page(tx, after=after, most=most))


@dataclass(frozen=True, slots=True)
class ListExclusions(_ListOperation[Exclusion]):
    """An investigator sees its own alone, the operator everybody's. organisation: only this one's, which finds nothing
    where these are not the caller's to see. active: only those that are in force, or only those that have ended.
    """

    name = "list_exclusions"
    after: UUID | None
    limit: int
    organisation: UUID | None = None
    active: bool | None = None

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Page[Exclusion]]:
        side = side_of(caller)
        if side is not None and self.organisation not in {None, side}:
            return self._page(lambda _after, _most: [])
        owner, now = self.organisation if side is None else side, registry.clock()
        return self._page(
            lambda after, most: exclusions.page(tx, before=after, most=most, now=now, only_of=owner, active=self.active)
        )


@dataclass(frozen=True, slots=True)
class ListDisputes(_ListOperation[Dispute]):
    name = "list_disputes"
    after: UUID | None
    limit: int

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Page[Dispute]]:
        return self._page(lambda after, most: disputes.page(tx, before=after, most=most))


@dataclass(frozen=True, slots=True)
class ListKeys(ReadOperation[None, list[StoredKey]]):
    """All keys of one organisation, oldest first. Refused(not_found) for an organisation that does not exist."""

    name = "list_keys"
    organisation_id: UUID

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[list[StoredKey]]:
        find_organisation(tx, self.organisation_id)
        found = api_keys.of_organisation(tx, self.organisation_id)
        return Done(found, count={"listed": len(found)})


@dataclass(frozen=True, slots=True)
class ListGenerations(ReadOperation[None, list[Generation]]):
    name = "list_generations"

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[list[Generation]]:
        found = generations.all_generations(tx)
        return Done(found, count={"listed": len(found)})


def find_organisation(tx: Reading, id_: UUID) -> Organisation:
    """Refused(not_found) where there is none."""
    found = organisations.get(tx, id_)
    if found is None:
        raise Refused(Code.NOT_FOUND, "There is no such organisation.")
    return found
