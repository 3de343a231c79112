"""Which reader a provider's request is for."""

from collections.abc import Callable, Mapping
from typing import Final

from registry.domain.intake import generic, telnyx, twilio
from registry.domain.intake.received import Delivery, Received
from registry.domain.policy import Provider

_READERS: Final[Mapping[Provider, Callable[[Delivery], Received | None]]] = {
    Provider.TWILIO: twilio.received,
    Provider.TELNYX: telnyx.received,
    Provider.GENERIC: generic.received,
}


def contact_of(delivery: Delivery) -> Received | None:
    """The contact that a request tells of; None where it is about something else.

    To be asked only of a request whose signature holds. Raises Refused for one that cannot be understood.
    """
    return _READERS[delivery.provider](delivery)
