"""What floods a registry in which a number may have three contacts within an hour, and a decoy five a day."""

from datetime import datetime, timedelta
from typing import Any, Final

from house import fictional_numbers, sandbox_settings
from members import NOW, Member, hit

from registry.settings import Settings

NUMBERS: Final = fictional_numbers()
TODAY: Final = NOW - timedelta(hours=2)


def flood_settings() -> Settings:
    return sandbox_settings(flood_number_contacts=3, flood_decoy_contacts=5)


def at(minutes: float = 0, start: datetime = TODAY) -> str:
    return (start + timedelta(minutes=minutes)).isoformat()


def burst(decoy: str, number: str, many: int, start: datetime = TODAY) -> list[dict[str, Any]]:
    """One every minute."""
    return [hit(decoy, number, at(minute, start)) for minute in range(many)]


def callers(decoy: str, many: int, start: datetime = TODAY) -> list[dict[str, Any]]:
    return [hit(decoy, next(NUMBERS), at(minute, start)) for minute in range(many)]


def submit(investigator: Member, hits: list[dict[str, Any]]) -> Any:
    answer = investigator.post("/v1/hits", {"hits": hits})
    assert answer.status_code == 201, answer.text
    return answer
