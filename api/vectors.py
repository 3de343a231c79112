"""The published test vectors, openapi/vectors.json: how texts become numbers, and numbers become tags.

They let a partner check an implementation of their own against this one. Every number in them is reserved for fiction
or one of libphonenumber's examples. The key is a test key that is published with them and must never be used for
anything else.

`python -m api.vectors --write` writes the file, `--check` says whether it is up to date (exit status 1 if not).
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Final, NamedTuple

from registry.domain.errors import Code, Refused
from registry.domain.numbers import Normaliser, Number, RegionNotServed
from registry.domain.tags import INPUT_PREFIX, SUITE, tag_of, tel_input
from registry.keys import KEY_INFO, SecretKey

PATH: Final = Path(__file__).parent.parent / "openapi" / "vectors.json"
SERVED: Final = ("CA", "US")
TEST_SEED: Final = bytes(range(32))

_ABOUT: Final = (
    "Test vectors of Demand Registry. `normalisation`: a text and the region given with it become `e164`, or are "
    "refused with `code`; where a number is valid but its region is not served there are both. `mode` is `live`, in "
    "which numbers reserved for fiction are refused, or `sandbox`. The served regions are CA and US unless `served` "
    "says otherwise. `tags`: `output` is RFC 9497 VOPRF Evaluate of `input_prefix` and the number in ASCII, under "
    "DeriveKeyPair of `seed` and `info`; the tag is its first 32 bytes. The seed is published: it is for tests only."
)


class _Question(NamedTuple):
    text: str
    region: str | None = None
    mode: str = "live"
    served: tuple[str, ...] = SERVED


def _sandbox(text: str, region: str | None = None, *served: str) -> _Question:
    return _Question(text, region, "sandbox", served or SERVED)


_FORMATS: Final = (
    _sandbox("+12065550177"),
    _sandbox("+1 206 555 0177"),
    _sandbox("(206) 555-0177", "US"),
    _sandbox("206.555.0177", "US"),
    _sandbox("2065550177", "US"),
    _sandbox("12065550177", "US"),
    _sandbox("1-206-555-0177", "us"),
    _sandbox("  206 555 0177\t", "US"),
    _sandbox("(+1) 206/555/0177"),
    _sandbox("011 1 206 555 0177", "US"),
    _sandbox("011 1 206 555 0177"),
    _sandbox("001 206 555 0177"),
    _sandbox("tel:+1-206-555-0177"),
    _sandbox("TEL:+1-206-555-0177;cpc=ordinary"),
    _sandbox("tel:555-0177;phone-context=+1-206"),
    _sandbox("whatsapp:+12065550177"),
    _sandbox("Phone: (206) 555-0177", "US"),
    _sandbox('="2065550177"', "US"),
    _sandbox("12065550177.0", "US"),
    _sandbox("206-555-0177", "CA"),
    _sandbox("+1 604 555 0177"),
    _sandbox("+1 800 555 0199"),
    _sandbox("+1 555 555 0100"),
    _sandbox("1-800-KLJ-0199", "US"),
    _sandbox("+1 206 klj 0177"),
    _Question("(506) 234-5678", "CA"),
    _Question("+1 506 234 5678"),
    _Question("(800) 234-5678", "US"),
)
_EXTENSIONS: Final = (
    _sandbox("206-555-0177 x12", "US"),
    _sandbox("206-555-0177 ext. 12", "US"),
    _sandbox("(206) 555-0177, extension 1234", "US"),
    _sandbox("206-555-0177 #12", "US"),
    _sandbox("+12065550177,,12"),
    _sandbox("tel:+12065550177;ext=12"),
)
_SCRIPTS: Final = (
    _sandbox("\uff0b\uff11 \uff12\uff10\uff16 \uff15\uff15\uff15 \uff10\uff11\uff17\uff17"),  # full width
    _sandbox("\uff08206\uff09555\uff0d0177", "US"),
    _sandbox("\u0662\u0660\u0666\u0665\u0665\u0665\u0660\u0661\u0667\u0667", "US"),  # Arabic-Indic digits
    _sandbox("+\u06f1\u06f2\u06f0\u06f6\u06f5\u06f5\u06f5\u06f0\u06f1\u06f7\u06f7"),  # Persian digits
    _sandbox("+\u0967 \u0968\u0966\u096c \u096b\u096b\u096b \u0966\u0967\u096d\u096d"),  # Devanagari digits
    _sandbox("206\u2013555\u20110177", "US"),  # en dash, non-breaking hyphen
    _sandbox("\u202a+1\u00a0206\u00a0555\u00a00177\u202c"),  # what a copied contact looks like
)
_REGIONS: Final = (
    _sandbox("020 7946 0018", "GB", "GB"),
    _sandbox("+44 (0)20 7946 0018", None, "GB"),
    _sandbox("0044 1632 960123", None, "GB"),
    _sandbox("07700 900123", "GB", "GB"),
    _sandbox("0491 570 006", "AU", "AU"),
    _sandbox("0011 61 2 5550 1234", "AU", "AU"),
    _sandbox("06 39 98 00 01", "FR", "FR"),
    _sandbox("030 23125 000", "DE", "DE"),
    _sandbox("070-174 06 05", "SE", "SE"),
    _sandbox("020 910 0000", "IE", "IE"),
    _Question("02 1234 5678", "IT", served=("IT",)),
    _Question("044 668 18 00", "CH", served=("CH",)),
    _Question("011 15-2345-6789", "AR", served=("AR",)),
    _Question("8 (912) 345-67-89", "RU", served=("RU",)),
    _Question("712345", "AD", served=("AD",)),
    _Question("+800 1234 5678", served=("001",)),
    _Question("+1 800 234 5678", served=("CA",)),
    _Question("+1 876 210 1234"),
    _Question("+44 121 234 5678"),
    _Question("+800 1234 5678"),
    _sandbox("+44 20 7946 0018"),
)
_REFUSALS: Final = (
    _Question(""),
    _Question(" \t"),
    _Question("+" + "1" * 64),
    _Question("not a number"),
    _Question("---"),
    _Question("206\u00005550177", "US"),
    _Question("206-555-XXXX", "US"),
    _Question("+1206555****"),
    _Question("1.20656E+10", "US"),
    _Question("someone@example.com"),
    _Question("(206) 555-0177"),
    _Question("(206) 555-0177", "UK"),
    _Question("(206) 555-0177", "001"),
    _Question("555-0177", "US"),
    _Question("+1 206 555 017"),
    _Question("7"),
    _Question("206 555 01771", "US"),
    _Question("+1 206 555 01771 2345 6789"),
    _Question("+1 211 555 1234"),
    _Question("+999 1234567"),
    _Question("40404"),
    _Question("911", "US"),
    _Question("MYBANK"),
    _Question("Info4U", "US"),
    _Question("anonymous"),
    _Question("RESTRICTED", "US"),
    _Question("Unavailable"),
    _Question("No Caller ID"),
    _Question("sip:anonymous@anonymous.invalid"),
    _Question("+266696687"),
    _Question("+7378742833"),
    _Question("7378742833", "US"),
    _Question("+2562533"),
    _Question("+8656696"),
    _Question("+86282452253"),
    _Question("(206) 555-0100", "US"),
    _Question("+1 206 555 0199"),
    _Question("+1 800 555 0199"),
    _Question("+1 555 555 0100"),
    _Question("07700 900123", "GB", served=("GB",)),
    _Question("+1 206 555 0177", served=("GB",)),
)
_TAGGED: Final = (
    *("+12065550100", "+12065550177", "+14165550123", "+16045550177", "+18005550199", "+15065550142"),
    *("+442079460018", "+447700900123", "+61491570006", "+33639980001", "+493023125000", "+46701740605"),
)


def document() -> dict[str, object]:
    """What openapi/vectors.json says, computed."""
    key = SecretKey(TEST_SEED)
    outputs = {number: key.output(tel_input(number)) for number in _TAGGED}
    return {
        "about": _ABOUT,
        "normaliser": _normaliser(_Question("")).version,
        "normalisation": [
            _answer(question) for question in (*_FORMATS, *_EXTENSIONS, *_SCRIPTS, *_REGIONS, *_REFUSALS)
        ],
        "tags": {
            "suite": SUITE,
            "seed": TEST_SEED.hex(),
            "info": KEY_INFO.decode("ascii"),
            "public_key": key.public_key.hex(),
            "input_prefix": INPUT_PREFIX.decode("ascii"),
            "vectors": [
                {"number": number, "tag": tag_of(output).hex(), "output": output.hex()}
                for number, output in outputs.items()
            ],
        },
    }


def render() -> str:
    """The file, byte for byte. ASCII, so that no editor changes or hides a character of an input."""
    return json.dumps(document(), indent=2, ensure_ascii=True) + "\n"


def _normaliser(question: _Question) -> Normaliser:
    return Normaliser(frozenset(question.served), accept_fictional=question.mode == "sandbox")


def _answer(question: _Question) -> dict[str, object]:
    answer: dict[str, object] = {"input": question.text, "region": question.region, "mode": question.mode}
    if question.served != SERVED:
        answer["served"] = list(question.served)
    number: Number | None = None
    code: Code | None = None
    try:
        number = _normaliser(question).normalise(question.text, question.region)
    except RegionNotServed as refusal:
        number, code = refusal.number, refusal.code
    except Refused as refusal:
        code = refusal.code
    answer["e164"] = number.e164 if number is not None else None
    answer["code"] = code
    answer["notes"] = list(number.notes) if number is not None else []
    return answer


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m api.vectors", description="The published test vectors.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write openapi/vectors.json")
    action.add_argument("--check", action="store_true", help="exit with 1 if openapi/vectors.json is out of date")
    rendered = render().encode("ascii")
    if parser.parse_args().write:
        PATH.write_bytes(rendered)
        return 0
    if PATH.exists() and PATH.read_bytes() == rendered:
        return 0
    sys.stderr.write("openapi/vectors.json is out of date. Run: python -m api.vectors --write\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
