"""What is written about texts that are not a number that can be asked about (registry/domain/numbers.py).

Must never show a phone number, not even as an example of a bad one.
"""

from collections.abc import Mapping
from typing import Final

from api.problems.wording import Wording
from registry.domain.errors import Code

NUMBER_WORDING: Final[Mapping[Code, Wording]] = {
    Code.EMPTY: Wording(
        title="The number is empty",
        happened="The place for a phone number holds nothing, or only spaces and punctuation.",
        advice="Fill in the number. In a file, check that the right column is read as the number.",
        example="The number is empty.",
        pointer="/number",
    ),
    Code.TOO_LONG: Wording(
        title="The text is too long to be a number",
        happened="The text given as a phone number has more than 64 characters. It was not read any further.",
        advice="Send one phone number only. In a file, check that the right column is read as the number.",
        example="The text is longer than 64 characters.",
        pointer="/number",
    ),
    Code.NOT_A_NUMBER: Wording(
        title="The text is not a phone number",
        happened="No phone number can be read from the text.",
        advice=(
            "Send one phone number, with its country code (`+1 ...`) or together with `region`. Spaces, brackets and "
            "dashes are fine. Text around the number is not."
        ),
        example="No phone number can be read from this text.",
        pointer="/number",
    ),
    Code.UNKNOWN_REGION: Wording(
        title="The region is not known",
        happened=(
            "`region` is not a two-letter country code, or the number has no country code and no region came with it."
        ),
        advice="Send the country as two letters (ISO 3166-1), for example `US` or `CA`, or write the number with `+`.",
        example="The region is not a known two-letter country code.",
        pointer="/region",
    ),
    Code.TOO_SHORT: Wording(
        title="The number has too few digits",
        happened="The number has fewer digits than any number of its country.",
        advice="Look for a missing area code, a lost leading zero or a digit left out, and send the whole number.",
        example="The number has too few digits for its country.",
        pointer="/number",
    ),
    Code.TOO_MANY_DIGITS: Wording(
        title="The number has too many digits",
        happened="The number has more digits than any number of its country.",
        advice=(
            "Look for a digit typed twice, a country code written twice, or two numbers in one place. Send one number "
            "at a time. An extension may be added with `ext`."
        ),
        example="The number has too many digits for its country.",
        pointer="/number",
    ),
    Code.NOT_VALID: Wording(
        title="The number cannot exist",
        happened=(
            "The number has the right length, but the numbering plan of its country has no such number: for example, "
            "its area code has not been given out."
        ),
        advice=(
            "Compare the number with where it came from, and check that `region` is the country it was written in. If "
            "you are sure of it, tell the registry's operator: numbering plans change, and updates bring new numbers."
        ),
        example="There is no such number in the numbering plan of its country.",
        pointer="/number",
    ),
    Code.SHORT_CODE: Wording(
        title="The number is a short code",
        happened=(
            "The number is a short code, such as those that companies send text messages from, or a service number. "
            "It does not belong to a single phone."
        ),
        advice="Leave it out. Only full phone numbers can be recorded or asked about.",
        example="The number is a short code.",
        pointer="/number",
    ),
    Code.SENDER_NAME: Wording(
        title="The sender is a name, not a number",
        happened="The text is a sender name, as some text messages show in place of a number. It names no phone.",
        advice="Leave it out. Anyone can choose such a name, so nothing can be concluded from it.",
        example="The text is a sender name and not a phone number.",
        pointer="/number",
    ),
    Code.WITHHELD: Wording(
        title="The number was withheld",
        happened=(
            "The caller hid the number, or the telephone network did not deliver it. What was sent is the word or the "
            "string of digits that providers put in its place."
        ),
        advice=(
            "Leave it out. Many different callers share this same placeholder, so it says nothing about any one of "
            "them, and it must not be counted."
        ),
        example="The number was withheld by the caller or the network.",
        pointer="/number",
    ),
    Code.FICTIONAL: Wording(
        title="The number is reserved for fiction",
        happened=(
            "The number is from a range kept free for films, books and examples, such as 555-0100 to 555-0199. Nobody "
            "can have called from it, so a registry in `live` mode refuses it."
        ),
        advice=(
            "Use the real number. To try things out with numbers like this one, use a registry in `sandbox` mode, "
            "which accepts them."
        ),
        example="The number is from a range reserved for fiction.",
        pointer="/number",
    ),
    Code.REGION_NOT_SERVED: Wording(
        title="The number's country is not served",
        happened=(
            "The number belongs to a country or region that this registry does not serve. The registry serves the "
            "United States and Canada unless its operator has set it otherwise."
        ),
        advice=(
            "Leave the number out. This is not the answer `none`: the registry holds nothing about numbers of that "
            "region and says nothing about them. The operator decides which regions are served."
        ),
        example="This registry does not serve the number's region.",
        pointer="/number",
    ),
}
