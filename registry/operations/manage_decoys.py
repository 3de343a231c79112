"""Registering decoys and changing them. A change of dates changes what their hits amount to, at once; a role is not
changed any more once there are hits (docs/adr/0025). A line's own number is never listed (docs/adr/0029).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from registry.db import decoys, exclusion_ends
from registry.db.database import Writing
from registry.db.decoys import Decoy, Line
from registry.domain.errors import Code, FieldProblem, Refused
from registry.domain.exclusions import ExclusionReason
from registry.domain.numbers import region_code
from registry.domain.policy import Role
from registry.domain.references import label
from registry.operations.carry_forward import carry_forward
from registry.operations.fields import at_field
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.refresh_listings import refresh_decoy, refresh_listings
from registry.operations.registry import Registry
from registry.operations.submitted_hits import line_tags

LABEL_LENGTH: Final = 200
_WEIGHING: Final = frozenset({"live_from", "live_until", "acquired_on"})
"""What weighs contacts. A role does as well, but changes only where there is none to weigh."""
_LOOKED_AT: Final = frozenset({"role", "tag", "live_until"})
"""What is changed only in view of what the line was."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """values: to be stored. older_tags: of the decoy's number under older keys, which are not stored."""

    values: dict[str, object]
    older_tags: tuple[bytes, ...] = ()

    def refuse_taken(self, tx: Writing, owner: UUID, decoy: UUID | None = None) -> None:
        """Refused for a number registered under an older key: there its tag is another, which no constraint sees."""
        if set(decoys.by_tag(tx, owner, self.older_tags).values()) - {decoy}:
            raise Refused(Code.DECOY_NUMBER_TAKEN, "The organisation has a decoy with this number already.")

    @property
    def tags(self) -> tuple[bytes, ...]:
        """Of the decoy's number, newest generation first; none where it is not changed."""
        tag = self.values.get("tag")
        return (tag, *self.older_tags) if isinstance(tag, bytes) else ()

    def take_number(self, tx: Writing, registry: Registry) -> dict[bytes, int]:
        """Brings what is stored of the decoy's number to its newest tag, which is the one that the line covers. Returns
        the tags to refresh, each with its generation.
        """
        if not self.tags:
            return {}
        changed = [self.tags[0], *carry_forward(tx, registry, [self.tags])]
        made_under = dict(zip(self.tags, registry.generations.active, strict=True))
        return {tag: made_under[tag] for tag in changed}


@dataclass(frozen=True, slots=True)
class RegisterDecoy(WriteOperation[_Columns, Decoy]):
    name = "register_decoy"
    label: str = field(repr=False)
    number: str = field(repr=False)
    role: Role
    region: str | None = field(default=None, repr=False)
    live_from: datetime | None = None
    live_until: datetime | None = None
    acquired_on: date | None = None

    @property
    def submitted(self) -> int:
        return 1

    def prepare(self, registry: Registry) -> _Columns:
        with at_field("/number"):
            tag, *older = line_tags(registry, self.number, self.region)
        with at_field("/label"):
            text = label(self.label, LABEL_LENGTH)
        with at_field("/region"):
            region = None if self.region is None else region_code(self.region)
        _check_dates({"acquired_on": self.acquired_on}, registry)
        _check_window(self.live_from, self.live_until)
        values: dict[str, object] = {
            "id": registry.new_id(),
            "label": text,
            "tag": tag,
            "generation": registry.generations.current,
            "role": self.role.value,
            "region": region,
            "live_from": self.live_from,
            "live_until": self.live_until,
            "acquired_on": self.acquired_on,
        }
        return _Columns(values, tuple(older))

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: _Columns) -> Done[Decoy]:
        prepared.refuse_taken(tx, caller.organisation())
        own = prepared.take_number(tx, registry)
        decoy = decoys.add(tx, {**prepared.values, "organisation_id": caller.organisation()})
        refresh_listings(tx, own, policy=registry.policy, generation=own, now=registry.clock())
        return Done(decoy, count={"registered": 1})


@dataclass(frozen=True, slots=True)
class ChangeDecoy(WriteOperation[_Columns, Decoy]):
    """changes: the members that were sent, by name; None clears one that may be empty.

    Refused(role_in_use) for another role than it has, once the line has contacts that are not retracted. Another number
    leaves an ended exclusion of the old one behind, so that what that did while it was a line's never counts.
    """

    name = "change_decoy"
    decoy_id: UUID
    changes: Mapping[str, object] = field(repr=False)

    @property
    def submitted(self) -> int:
        return 1 if "number" in self.changes else 0

    def prepare(self, registry: Registry) -> _Columns:
        values = dict(self.changes)
        older: list[bytes] = []
        for name in ("label", "number", "role"):
            if name in values and values[name] is None:
                detail = f"{name} cannot be empty."
                raise Refused(Code.INVALID_VALUE, detail, (FieldProblem(f"/{name}", Code.INVALID_VALUE, detail),))
        if not values:
            raise Refused(Code.INVALID_REQUEST, "The request names nothing to change.")
        if "label" in values:
            with at_field("/label"):
                values["label"] = label(str(values["label"]), LABEL_LENGTH)
        region = values.get("region")
        if region is not None:
            with at_field("/region"):
                values["region"] = region_code(str(region))
        if "number" in values:
            with at_field("/number"):
                number = str(values.pop("number"))
                tag, *older = line_tags(registry, number, None if region is None else str(region))
            values |= {"tag": tag, "generation": registry.generations.current}
        _check_dates(values, registry)
        return _Columns(values, tuple(older))

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: _Columns) -> Done[Decoy]:
        owner = caller.organisation()
        prepared.refuse_taken(tx, owner, self.decoy_id)
        own: dict[bytes, int] = {}
        if _LOOKED_AT & prepared.values.keys():
            # Under the decoy's row, which every contact holds as well, so that none slips in after the look.
            line = decoys.line_alone(tx, owner, self.decoy_id)
            if line is None:
                raise Refused(Code.NOT_FOUND, "There is no such decoy.")
            self._refuse_in_use(tx, line)
            own = self._cover(tx, registry, owner, line, prepared)
        decoy = decoys.change(tx, owner, self.decoy_id, prepared.values)
        if decoy is None:
            raise Refused(Code.NOT_FOUND, "There is no such decoy.")
        generation, now = registry.generations.current, registry.clock()
        if _WEIGHING & prepared.values.keys():
            refresh_decoy(tx, decoy.id, policy=registry.policy, generation=generation, now=now, also=own)
        else:
            refresh_listings(tx, own, policy=registry.policy, generation=own, now=now)
        return Done(decoy, count={"changed": 1}, policy=registry.policy.name)

    def _refuse_in_use(self, tx: Writing, line: Line) -> None:
        if self.changes.get("role", line.role) != line.role and decoys.has_contacts(tx, self.decoy_id):
            raise Refused(Code.ROLE_IN_USE, "The line has contacts that are not retracted: its role stays what it is.")

    def _cover(self, tx: Writing, registry: Registry, owner: UUID, line: Line, prepared: _Columns) -> dict[bytes, int]:
        """The tags of which more or less is covered once the line is changed, each with its generation."""
        if not {"tag", "live_until"} & prepared.values.keys():
            return {}
        if prepared.tags and line.tag not in prepared.tags:
            _leave_number(tx, registry, owner, line)
        return {line.tag: line.generation, **prepared.take_number(tx, registry)}


def _leave_number(tx: Writing, registry: Registry, owner: UUID, line: Line) -> None:
    """Until now, or until the line ended, the number was its own."""
    now = registry.clock()
    until = now if line.live_until is None else min(now, line.live_until)
    id_ = registry.new_id()
    exclusion_ends.add_ended(tx, id_, line.tag, line.generation, owner, ExclusionReason.OWN_STAFF, until)


def _check_dates(values: Mapping[str, object], registry: Registry) -> None:
    acquired = values.get("acquired_on")
    if isinstance(acquired, date) and acquired > registry.clock().date():
        detail = "The line cannot have been acquired in the future."
        raise Refused(Code.DATE_IN_FUTURE, detail, (FieldProblem("/acquired_on", Code.DATE_IN_FUTURE, detail),))


def _check_window(live_from: datetime | None, live_until: datetime | None) -> None:
    """The database holds it as well; here it gets its pointer."""
    if live_from is not None and live_until is not None and live_until <= live_from:
        detail = "live_until must be after live_from."
        raise Refused(Code.WINDOW_REVERSED, detail, (FieldProblem("/live_until", Code.WINDOW_REVERSED, detail),))
