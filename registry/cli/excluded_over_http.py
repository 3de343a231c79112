"""Exclusions of the side whose API key is used, over HTTP: an investigator's own, or for the operator everybody's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import click

from registry.cli.http_answers import ask
from registry.client.target import Target

_PATH: Final = "/v1/exclusions"
_MOMENTS: Final = ("expires_at", "created_at", "removed_at")


@dataclass(frozen=True, slots=True)
class OverHttp:
    """The documents are the API's."""

    target: Target

    def add(self, number: str, reason: str, region: str | None, expires: datetime | None) -> Mapping[str, Any]:
        ends = None if expires is None else expires.isoformat(timespec="seconds")
        return self._post("", number=number, reason=reason, region=region, expires_at=ends)

    def remove(
        self, number: str, region: str | None, organisation: str | None, *, every: bool, mistaken: bool
    ) -> Mapping[str, Any]:
        whose = None if organisation is None else _id(organisation)
        return self._post("/removals", number=number, region=region, organisation=whose, all=every, mistaken=mistaken)

    def end(self, id_: UUID, *, mistaken: bool) -> Mapping[str, Any]:
        return self._post(f"/{id_}/removal", mistaken=mistaken)

    def listed(self, organisation: str | None, *, active: bool | None) -> Mapping[str, Any]:
        """All pages as one."""
        query = {"limit": "500"}
        if organisation is not None:
            query["organisation"] = _id(organisation)
        if active is not None:
            query["active"] = str(active).lower()
        data: list[dict[str, Any]] = []
        audit_ids: list[str] = []
        while True:
            page = ask(self.target, "GET", _PATH, query=query)
            data += [_read(one) for one in page["data"]]
            audit_ids.append(page["audit_id"])
            if page["next_cursor"] is None:
                return {"data": data, "audit_ids": audit_ids}
            query["cursor"] = page["next_cursor"]

    def _post(self, path: str, **members: object) -> Mapping[str, Any]:
        return ask(self.target, "POST", _PATH + path, content=members or None)


def _id(organisation: str) -> str:
    """Names are looked up in the database, which there is none of here."""
    try:
        return str(UUID(organisation))
    except ValueError:
        raise click.UsageError(
            "Over HTTP an organisation is named by its id, which GET /v1/organisations tells."
        ) from None


def _read(one: Mapping[str, Any]) -> dict[str, Any]:
    moments = {name: datetime.fromisoformat(one[name]) for name in _MOMENTS if one[name] is not None}
    return {**one, **moments, "id": UUID(one["id"])}
