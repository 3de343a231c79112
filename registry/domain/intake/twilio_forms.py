"""Twilio's forms held against what else their signature could be said of.

Twilio signs names and values one after another, with nothing between them. So somebody who has a signed form, and wrote
part of it, such as the text of a message, could cut the same characters into other parameters: `Body=hiFrom+1206...`
into `Body=hi` and `From=+1206...`. What comes after that must then stand in some other name or value, the caller's real
`From` among it, and that is what is looked for here: a form that holds a pair that matters inside of a name or a value
is refused, whoever cut it.
"""

import re
from collections.abc import Sequence
from typing import Final

from registry.domain.errors import Code
from registry.domain.intake.bodies import refused

_SID: Final = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_WITHIN: Final = re.compile(
    r"(?:From|To|Caller|Called)"
    r"(?:\+|[0-9]{7}|whatsapp:|messenger:|rcs:|client:|sips?:|[Aa]nonymous|[Rr]estricted|[Uu]nknown|[Uu]navailable)"
    r"|Sid[A-Z]{2}[0-9a-fA-F]{32}"
    # What makes a contact count for less, and stands behind its name.
    r"|StirVerstat|ForwardedFrom|Direction(?:inbound|outbound)|(?:Sms|Message)Status[a-z]"
)
"""A caller, a line, or a Sid, behind its name."""
_READ: Final = ("From", "To", "Caller", "Called", "CallSid", "MessageSid", "SmsSid", "AccountSid", "StirVerstat")
_SENDER: Final = re.compile(r"From(?=\S)")
_READ_WHOLE: Final = frozenset({"StirVerstat", "ForwardedFrom"})
_KNOWN: Final = frozenset(
    {
        *_READ,
        *(side + what for side in ("From", "To", "Caller", "Called") for what in ("City", "State", "Zip", "Country")),
        "CallerName",
        "CalledVia",
    }
)
_PAIR: Final = "The form could be read in two ways: it holds a parameter within another."


def check_sid(sid: str, name: str) -> str:
    """Raises Refused for what Twilio never gave anything as its id."""
    if not sid.strip():
        raise refused(Code.MISSING_FIELD, name, "The id of the message or call is missing.")
    if _SID.fullmatch(sid) is None:
        raise refused(Code.INVALID_VALUE, name, "Twilio's ids are two capital letters and 32 hexadecimal digits.")
    return sid


def check_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Raises Refused for a form whose signature may have been made for another. The refusal names only what we read."""
    for name, value in pairs:
        if _NAME.fullmatch(name) is None or (name not in _KNOWN and name.startswith(_READ)):
            raise refused(Code.INVALID_VALUE, "", "A parameter's name is none of Twilio's.")
        # The sender's own pair, whatever he calls himself, comes after one that his text was cut into.
        swallowed = name > "From" and (_SENDER.search(value) or (name not in _KNOWN and "From" in name))
        own = name in _READ_WHOLE
        if swallowed or (not own and _WITHIN.search(name)) or _WITHIN.search(value):
            raise refused(Code.INVALID_VALUE, name if name in _KNOWN else "", _PAIR)
