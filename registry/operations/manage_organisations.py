"""Organisations: made, suspended, resumed, limited. By the operator alone."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from registry.db import organisations
from registry.db.database import Writing
from registry.db.organisations import Organisation
from registry.domain.credentials import OrganisationKind
from registry.domain.errors import Code, Refused
from registry.domain.references import label
from registry.operations.fields import at_field
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.registry import Registry

NAME_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class CreateOrganisation(WriteOperation[str, Organisation]):
    """Limits left out are those of the settings."""

    name = "create_organisation"
    kind: OrganisationKind
    organisation_name: str = field(repr=False)
    requests_per_minute: int | None = None
    numbers_per_day: int | None = None

    def prepare(self, registry: Registry) -> str:
        with at_field("/name"):
            return label(self.organisation_name, NAME_LENGTH)

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: str) -> Done[Organisation]:
        settings = registry.settings
        rate = settings.requests_per_minute if self.requests_per_minute is None else self.requests_per_minute
        numbers = settings.numbers_per_day if self.numbers_per_day is None else self.numbers_per_day
        organisation = organisations.add(
            tx,
            id_=registry.new_id(),
            kind=self.kind.value,
            name=prepared,
            requests_per_minute=rate,
            numbers_per_day=numbers,
        )
        return Done(organisation, count={"created": 1})


@dataclass(frozen=True, slots=True)
class SuspendOrganisation(WriteOperation[None, Organisation]):
    """Its keys stop at once: every request looks the organisation up."""

    name = "suspend_organisation"
    organisation_id: UUID

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Organisation]:
        return _changed(organisations.suspend(tx, self.organisation_id))


@dataclass(frozen=True, slots=True)
class ResumeOrganisation(WriteOperation[None, Organisation]):
    name = "resume_organisation"
    organisation_id: UUID

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Organisation]:
        return _changed(organisations.resume(tx, self.organisation_id))


@dataclass(frozen=True, slots=True)
class SetLimits(WriteOperation[None, Organisation]):
    """None leaves a limit as it is."""

    name = "set_limits"
    organisation_id: UUID
    requests_per_minute: int | None
    numbers_per_day: int | None

    def prepare(self, registry: Registry) -> None:
        if self.requests_per_minute is None and self.numbers_per_day is None:
            raise Refused(Code.INVALID_REQUEST, "The request names no limit to set.")

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Organisation]:
        return _changed(
            organisations.set_limits(
                tx,
                self.organisation_id,
                requests_per_minute=self.requests_per_minute,
                numbers_per_day=self.numbers_per_day,
            )
        )


def _changed(found: Organisation | None) -> Done[Organisation]:
    if found is None:
        raise Refused(Code.NOT_FOUND, "There is no such organisation.")
    return Done(found, count={"changed": 1})
