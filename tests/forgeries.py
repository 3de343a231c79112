"""What somebody between a client and a registry could do to a blinded batch's answer, or to the registry's keys."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from meddling import Exchange, Meddle, on
from members import KEYS

from registry.keys import SecretKey

EVALUATIONS: Final = "/v1/private/evaluations"
PARAMETERS: Final = "/v1/private/parameters"
_OTHER: Final = SecretKey(b"\x07" * 32)


def _of_elements(change: Callable[[list[bytes]], list[bytes]]) -> Meddle:
    def forge(document: Any) -> Any:
        for one in document["evaluations"]:
            raw = base64.b64decode(one["evaluated"])
            elements = [raw[start : start + 32] for start in range(0, len(raw), 32)]
            one["evaluated"] = base64.b64encode(b"".join(change(elements))).decode()
        return document

    return on(EVALUATIONS, forge)


def _of_proof(change: Callable[[bytes], bytes]) -> Meddle:
    def forge(document: Any) -> Any:
        for one in document["evaluations"]:
            one["proof"] = base64.b64encode(change(base64.b64decode(one["proof"]))).decode()
        return document

    return on(EVALUATIONS, forge)


def _other_element(elements: list[bytes]) -> list[bytes]:
    evaluated, _ = _OTHER.evaluate_batch(elements[0])
    return [evaluated, *elements[1:]]


def _swapped(elements: list[bytes]) -> list[bytes]:
    return [elements[1], elements[0], *elements[2:]]


def _flipped(proof: bytes) -> bytes:
    return bytes([proof[0] ^ 1]) + proof[1:]


def _renamed(document: Any) -> Any:
    for one in document["evaluations"]:
        one["generation"] += 1
    return document


def _none_at_all(document: Any) -> Any:
    return {**document, "evaluations": []}


class AnotherKey:
    """Evaluates by itself, correctly, under a key that is not the registry's."""

    def __init__(self) -> None:
        self.elements = b""

    def before(self, exchange: Exchange) -> None:
        if exchange.path == EVALUATIONS:
            self.elements = base64.b64decode(json.loads(exchange.request)["blinded"])

    def after(self, exchange: Exchange) -> None:
        on(EVALUATIONS, self._forged)(exchange)

    def _forged(self, document: Any) -> Any:
        evaluated, proof = _OTHER.evaluate_batch(self.elements)
        for one in document["evaluations"]:
            one["evaluated"] = base64.b64encode(evaluated).decode()
            one["proof"] = base64.b64encode(proof).decode()
        return document


def with_public_key(public_key: bytes) -> Meddle:
    """The registry seems to have this key."""

    def forge(document: Any) -> Any:
        for generation in document["generations"]:
            generation["public_key"] = base64.b64encode(public_key).decode()
        return document

    return on(PARAMETERS, forge)


BAD_PROOFS: Final[Mapping[str, Meddle]] = {
    "an element of another key": _of_elements(_other_element),
    "two elements swapped": _of_elements(_swapped),
    "a changed proof": _of_proof(_flipped),
}
"""Each is an answer of the right form, which only the proof gives away."""
BAD_FORMS: Final[Mapping[str, Meddle]] = {
    "an element too few": _of_elements(lambda elements: elements[:-1]),
    "an element too many": _of_elements(lambda elements: [*elements, elements[0]]),
    "half an element": _of_elements(lambda elements: [*elements[:-1], elements[-1][:16]]),
    "no elements": _of_elements(lambda _: []),
    "the identity": _of_elements(lambda elements: [bytes(32), *elements[1:]]),
    "no element of the group": _of_elements(lambda elements: [b"\xff" * 32, *elements[1:]]),
    "half a proof": _of_proof(lambda proof: proof[:32]),
    "another generation": on(EVALUATIONS, _renamed),
    "no evaluation": on(EVALUATIONS, _none_at_all),
}
"""Each is no answer to what was asked."""
TRUE_KEY: Final = SecretKey(KEYS.seeds[1]).public_key
FALSE_KEY: Final = _OTHER.public_key
