"""Providers' requests as the API has read them, for what takes in several together: over HTTP nobody can say which
requests meet.
"""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from house import House
from providers import AUTH_TOKEN, Line, twilio_signature

from api.deliveries import Arrival
from api.intake_round import Arrived
from registry.domain.intake.received import Delivery
from registry.domain.intake.signatures import TWILIO_SIGNATURE
from registry.domain.policy import Provider
from registry.operations.operation import Request


def arrived(house: House, line: Line, parameters: Mapping[str, str], *, token: str = AUTH_TOKEN) -> Arrived:
    """A form of Twilio's that was sent to the line, signed with this auth token."""
    parameters = line.called(parameters)
    url = line.urls["twilio"]
    delivery = Delivery(
        Provider.TWILIO,
        url,
        urlencode(list(parameters.items())).encode(),
        {TWILIO_SIGNATURE: twilio_signature(token, url, parameters)},
        house.registry.clock(),
        form=True,
    )
    address = urlsplit(url).path.rpartition("/")[2]
    request = Request(house.registry.new_id(), "POST /v1/intake/{provider}/{token}", "192.0.2.7", "a provider")
    return Arrived(Arrival(house.registry, Provider.TWILIO, address, request), delivery)
