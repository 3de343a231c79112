"""What a secret is kept from: everything that would write an object down without being asked to by name."""

from typing import NoReturn, SupportsIndex


class Confidential:
    """A base for what holds a secret. It cannot be pickled or copied, so that no other process, cache or crash report
    gets it by accident; its subclasses keep the secret out of their repr.
    """

    __slots__ = ()

    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and is not to be serialised")
