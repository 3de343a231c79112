"""Where requests go, and the key that they carry: of the client and of the commands that speak HTTP.

Must never repeat a key in a message.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from registry.domain.confidential import Confidential

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
OPEN_ROAD: Final = "Over http:// the key and the numbers can be read on the way. Use https://."


class InvalidTarget(ValueError):  # noqa: N818 - what it is about, not what it is
    """An address or a key that cannot be one. Its text does not repeat it."""


class UnencryptedWarning(UserWarning):
    """Requests cross a network unencrypted."""


@dataclass(frozen=True, slots=True)
class Target(Confidential):
    """A registry and an API key of it."""

    url: str
    key: str = field(repr=False)

    @classmethod
    def of(cls, url: str, key: str) -> "Target":
        """Raises InvalidTarget."""
        return cls(checked_url(url), checked_key(key))

    @property
    def loopback(self) -> bool:
        return urlsplit(self.url).hostname in _LOOPBACK

    @property
    def encrypted(self) -> bool:
        return urlsplit(self.url).scheme == "https"

    @property
    def readable_on_the_way(self) -> bool:
        """Whether key and numbers would cross a network unencrypted."""
        return not self.encrypted and not self.loopback


def checked_url(url: str) -> str:
    """Without a slash at its end. Raises InvalidTarget for what is no address of a registry."""
    wrong = InvalidTarget("The registry's address is written like https://registry.example.org.")
    try:
        parts = urlsplit(url)
        usable = parts.port is None or parts.port > 0
    except ValueError:
        raise wrong from None
    if not usable or parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise wrong
    if parts.username is not None or not url.isascii() or any(character <= " " for character in url):
        raise wrong
    return url.rstrip("/")


def checked_key(text: str) -> str:
    """Without space around it. Raises InvalidTarget for what cannot be a key."""
    key = text.strip()
    if not (key.startswith("drk_") and key.isascii() and key.replace("_", "").isalnum()):
        raise InvalidTarget("This is not an API key of a registry: those begin with drk_live_ or drk_test_.")
    return key
