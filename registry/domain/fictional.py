"""The numbers that regulators keep unassigned for films, books and documentation.

Nobody can call from one of them, so a contact that claims one is a test or a mistake. This module only says whether a
number lies in such a range; whether that is a refusal is decided in `numbers.py`. A range stands here only if the
regulator that keeps it published it: a number that somebody may own must never be called fictional.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ReservedRange:
    """first, last: E.164, both included, of one length."""

    first: str
    last: str


# Ofcom, "Telephone numbers for use in TV and radio drama programmes".
_UNITED_KINGDOM: Final = (
    ReservedRange("+441134960000", "+441134960999"),  # Leeds
    ReservedRange("+441144960000", "+441144960999"),  # Sheffield
    ReservedRange("+441154960000", "+441154960999"),  # Nottingham
    ReservedRange("+441164960000", "+441164960999"),  # Leicester
    ReservedRange("+441174960000", "+441174960999"),  # Bristol
    ReservedRange("+441184960000", "+441184960999"),  # Reading
    ReservedRange("+441214960000", "+441214960999"),  # Birmingham
    ReservedRange("+441314960000", "+441314960999"),  # Edinburgh
    ReservedRange("+441414960000", "+441414960999"),  # Glasgow
    ReservedRange("+441514960000", "+441514960999"),  # Liverpool
    ReservedRange("+441614960000", "+441614960999"),  # Manchester
    ReservedRange("+441632960000", "+441632960999"),  # no place: an area code that does not exist
    ReservedRange("+441914980000", "+441914980999"),  # Tyneside, Durham, Sunderland
    ReservedRange("+442079460000", "+442079460999"),  # London
    ReservedRange("+442896496000", "+442896496999"),  # Northern Ireland
    ReservedRange("+442920180000", "+442920180999"),  # Cardiff
    ReservedRange("+443069990000", "+443069990999"),  # the whole country
    ReservedRange("+447700900000", "+447700900999"),  # mobile
    ReservedRange("+448081570000", "+448081570999"),  # freephone
    ReservedRange("+449098790000", "+449098790999"),  # premium rate
)

# ACMA, "Phone numbers for use in TV shows, films and creative works": two blocks of 10,000 in every geographic area,
# eleven freephone and local-rate numbers, and thirty mobile numbers that are not neighbours.
_AUSTRALIA: Final = (
    *(ReservedRange(f"+61{area}55500000", f"+61{area}55509999") for area in (2, 3, 7, 8)),
    *(ReservedRange(f"+61{area}70100000", f"+61{area}70109999") for area in (2, 3, 7, 8)),
    ReservedRange("+611800160401", "+611800160401"),
    ReservedRange("+611800975707", "+611800975711"),
    ReservedRange("+611300975707", "+611300975711"),
    *(
        ReservedRange(f"+6149157{ending}", f"+6149157{ending}")
        for ending in (
            *("0006", "0110", "0156", "0157", "0158", "0159", "0313", "0737", "1266", "1491"),
            *("1804", "2549", "2665", "2983", "3087", "3770", "4118", "4632", "5254", "5789"),
            *("6398", "6801", "7426", "7644", "8148", "8888", "8957", "9212", "9455", "9760"),
        )
    ),
)

# ComReg, "National Numbering Conventions": (020) 91X XXXX.
_IRELAND: Final = (ReservedRange("+353209100000", "+353209199999"),)

# ARCEP, decision 2018-0881 (the national numbering plan), numbers for audiovisual works.
_FRANCE: Final = tuple(
    ReservedRange(f"+33{block}0000", f"+33{block}9999")
    for block in ("19900", "26191", "35301", "46571", "53649", "63998")
)

# PTS, "Telefonnummer för användning i böcker och filmer".
_SWEDEN: Final = (
    ReservedRange("+46313900600", "+46313900699"),  # Göteborg
    ReservedRange("+46406280400", "+46406280499"),  # Malmö
    ReservedRange("+46846500400", "+46846500499"),  # Stockholm
    ReservedRange("+46980319200", "+46980319299"),  # Kiruna
    ReservedRange("+46701740605", "+46701740699"),  # mobile
)

# Bundesnetzagentur, Mitteilung 148/2021 (Amtsblatt 7/2021), "Rufnummern für Medienproduktionen (Drama Numbers)".
_GERMANY: Final = (
    ReservedRange("+493023125000", "+493023125999"),  # Berlin
    ReservedRange("+496990009000", "+496990009999"),  # Frankfurt am Main
    ReservedRange("+494066969000", "+494066969999"),  # Hamburg
    ReservedRange("+492214710000", "+492214710999"),  # Köln
    ReservedRange("+498999998000", "+498999998999"),  # München
    ReservedRange("+491713920000", "+491713920099"),
    ReservedRange("+4917604069000", "+4917604069099"),
    *(
        ReservedRange(number, number)
        for number in (
            *("+4915228817386", "+4915228895456", "+4915254599371", "+491729925904", "+491729968532"),
            *("+491729973185", "+491729973186", "+491729980752", "+491749091317", "+491749464308"),
        )
    ),
)

RANGES: Final = tuple(
    sorted(
        (*_AUSTRALIA, *_FRANCE, *_GERMANY, *_IRELAND, *_SWEDEN, *_UNITED_KINGDOM), key=lambda reserved: reserved.first
    )
)
"""Every range outside the North American plan, which has a rule instead. No two overlap."""

_FIRSTS: Final = tuple(reserved.first for reserved in RANGES)
_NANP_LENGTH: Final = len("+12065550100")


def is_fictional(e164: str) -> bool:
    """Whether the number lies in a range reserved for fiction.

    In the North American plan that is 555-0100 to 555-0199 (ATIS-0300115, "555 NXX Line Number Reference Document") in
    any area code, also a toll-free one or one that nobody has been given.
    """
    if e164.startswith("+1"):
        return len(e164) == _NANP_LENGTH and e164[5:10] == "55501"
    before = bisect_right(_FIRSTS, e164)
    if before == 0:
        return False
    reserved = RANGES[before - 1]
    return len(e164) == len(reserved.first) and e164 <= reserved.last
