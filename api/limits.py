"""Rendering limits as headers: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10).

The draft registers only a few quota units, so that numbers carry a parameter of our own, `reg-unit`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from registry.db.admission import Admission
from registry.domain.limits import Gcra, LimitName, Rate, Standing, Unit, day_standing

MINUTE: Final = 60
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def standings(admission: Admission) -> tuple[Standing, ...]:
    """What is left of a key's requests and its organisation's numbers, on the database's clock."""
    now = _EPOCH + timedelta(microseconds=admission.at_us)
    tat = _EPOCH + timedelta(microseconds=admission.tat_us)
    rate = Rate(admission.requests_per_minute, MINUTE)
    return (
        Gcra.standing(LimitName.KEY, Unit.REQUESTS, rate, tat, now),
        day_standing(admission.numbers_per_day, admission.used, now),
    )


def headers(limits: Sequence[Standing]) -> dict[str, str]:
    """Both headers, as structured field lists (RFC 9651)."""
    if not limits:
        return {}
    return {
        "RateLimit-Policy": ", ".join(
            f'"{limit.name}";q={limit.quota};w={limit.window}'
            + (f';reg-unit="{limit.unit}"' if limit.unit is not Unit.REQUESTS else "")
            for limit in limits
        ),
        "RateLimit": ", ".join(f'"{limit.name}";r={limit.remaining};t={limit.reset}' for limit in limits),
    }
