"""The Python client of a registry: lookups, checks, and private checks, in which it does not learn the numbers.

    with RegistryClient("https://registry.example.org", key) as registry:
        answers = registry.check_private(numbers, purpose="company_number", region="US")

Needs none of the server's packages. What is listed here is the whole of it; `target` and `file_checks` are there for
the command line, and modules with an underscore for this package alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from registry.client._answers import Account, Answer, Answers, Evidence, ItemProblem, Limit, LookupAnswer
    from registry.client._errors import (
        FieldError,
        InvalidRequest,
        KeyChanged,
        ProtocolError,
        QuotaExceeded,
        RegistryError,
        Unauthorized,
        Unavailable,
    )
    from registry.client._evaluation import Evaluation, Evaluations
    from registry.client._listed import ListedSet
    from registry.client._parameters import ActiveGeneration, Parameters, SetFacts, Step
    from registry.client._questions import Disclosure, Question
    from registry.client._registry_client import RegistryClient
    from registry.client.target import InvalidTarget, UnencryptedWarning

__all__ = [
    "Account",
    "ActiveGeneration",
    "Answer",
    "Answers",
    "Disclosure",
    "Evaluation",
    "Evaluations",
    "Evidence",
    "FieldError",
    "InvalidRequest",
    "InvalidTarget",
    "ItemProblem",
    "KeyChanged",
    "Limit",
    "ListedSet",
    "LookupAnswer",
    "Parameters",
    "ProtocolError",
    "Question",
    "QuotaExceeded",
    "RegistryClient",
    "RegistryError",
    "SetFacts",
    "Step",
    "Unauthorized",
    "Unavailable",
    "UnencryptedWarning",
]

_MODULES: Final = (
    "target",
    "_errors",
    "_questions",
    "_answers",
    "_listed",
    "_parameters",
    "_evaluation",
    "_registry_client",
)
"""Where these names are, those first that take least with them."""


def __getattr__(name: str) -> object:
    """Imported when they are first asked for: a worker process needs few of them, and its start is waited for."""
    if name in __all__:
        for module in _MODULES:
            found = vars(import_module(f"{__name__}.{module}"))
            if name in found:
                return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
