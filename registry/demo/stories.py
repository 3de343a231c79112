"""Sixty company numbers of the demo that contacted decoys, one story each, and what a check must say about them.

The expectations are written by hand, not computed: they are what the policy is held against.
It must never be imported by the product itself.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from registry.demo.callers import Number
from registry.demo.contacts import Contact, Target, day_between, daytime, written_for
from registry.demo.decoys import Feed, Role
from registry.demo.twilio import Delivery

_EXPIRED_DAYS = 780
"""More than the default retention of 24 months."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The answer to a check. `reason` is there when the outcome is indeterminate, `grade` when it is observed."""

    outcome: str
    reason: str | None = None
    grade: str | None = None


SINGLE = Expected("contact_observed", grade="single")
REPEATED = Expected("contact_observed", grade="repeated")
CORROBORATED = Expected("contact_observed", grade="corroborated")
NONE = Expected("none")
BOUNDARY = Expected("indeterminate", reason="possession_boundary")
NOT_SERVED = Expected("indeterminate", reason="region_not_served")


@dataclass(frozen=True, slots=True)
class Told:
    """A story with a number in it: the contacts, the possession window (both days inclusive), the right answer.

    deliveries: contacts of this moment. excluded: whether the number is excluded before anybody asks.
    """

    number: Number
    contacts: tuple[Contact, ...]
    since: date | None
    until: date | None
    expected: Expected
    retracted: bool = False
    deliveries: tuple[Delivery, ...] = ()
    excluded: bool = False


@dataclass(slots=True)
class Scene:
    """What a story is told with: a caller, the decoys by kind, and what has happened so far."""

    rng: Random
    today: date
    caller: Number
    everyone: Sequence[Target]
    contacts: list[Contact] = field(default_factory=list[Contact])
    since: date | None = None
    until: date | None = None

    def ad(self, *, feed: Feed | None = None, apart_from: str | None = None) -> Target:
        """Some advertisement, of the given feed, not of the given organisation."""
        return self.rng.choice(
            [
                target
                for target in self.everyone
                if target.decoy.role is Role.ADVERTISEMENT
                and feed in (None, target.feed)
                and target.organisation != apart_from
            ]
        )

    def labelled(self, label: str) -> Target:
        return next(target for target in self.everyone if target.decoy.label == label)

    def day(self, target: Target) -> date:
        """A day on which a contact with this decoy counts, with room before and after it."""
        first, last = target.decoy.counting_days(self.today)
        return day_between(self.rng, first + timedelta(days=12), last - timedelta(days=12))

    def text(self, target: Target, day: date) -> None:
        self._happens(target, day, "sms")

    def call(self, target: Target, day: date, attestation: str | None, *, diverted: bool = False) -> None:
        self._happens(target, day, "voice", attestation, diverted=diverted)

    def _happens(
        self, target: Target, day: date, channel: str, attestation: str | None = None, *, diverted: bool = False
    ) -> None:
        self.contacts.append(
            Contact(
                organisation=target.organisation,
                decoy=target.decoy.key,
                written=written_for(self.rng, target, self.caller),
                number=self.caller.e164,
                channel=channel,
                occurred_at=daytime(self.rng, day),
                attestation=attestation,
                diverted=diverted,
            )
        )


def _one_text(scene: Scene) -> None:
    ad = scene.ad()
    day = scene.day(ad)
    scene.text(ad, day)
    scene.since = scene.rng.choice((None, day - timedelta(days=40)))


def _one_attested_call(scene: Scene) -> None:
    ad = scene.ad(feed=Feed.JSON)
    scene.call(ad, scene.day(ad), "A")


def _one_text_before_possession_and_one_since(scene: Scene) -> None:
    ad = scene.ad()
    day = scene.day(ad)
    scene.text(ad, day - timedelta(days=8))
    scene.text(ad, day)
    scene.since = day - timedelta(days=4)


def _texts_on_several_days(scene: Scene) -> None:
    ad = scene.ad()
    day = scene.day(ad)
    for after in range(scene.rng.randrange(2, 5)):
        scene.text(ad, day + timedelta(days=2 * after))
    scene.since = day - timedelta(days=90)


def _weak_calls_on_two_days(scene: Scene) -> None:
    ad = scene.ad(feed=Feed.OWN_FILE)
    day = scene.day(ad)
    scene.call(ad, day, None)
    scene.call(ad, day + timedelta(days=3), "C")


def _texts_to_two_organisations(scene: Scene) -> None:
    one = scene.ad()
    other = scene.ad(apart_from=one.organisation)
    scene.text(one, scene.day(one))
    scene.text(other, scene.day(other))


def _one_call_of_doubtful_origin(scene: Scene) -> None:
    ad = scene.ad(feed=Feed.JSON)
    scene.call(ad, scene.day(ad), scene.rng.choice(("B", "C", None)))


def _only_before_possession(scene: Scene) -> None:
    ad = scene.ad()
    day = scene.day(ad)
    scene.text(ad, day - timedelta(days=2))
    scene.text(ad, day)
    scene.since = day + timedelta(days=5)


def _only_after_possession(scene: Scene) -> None:
    ad = scene.ad()
    day = scene.day(ad)
    scene.text(ad, day)
    scene.since, scene.until = day - timedelta(days=200), day - timedelta(days=5)


def _only_on_the_first_day(scene: Scene) -> None:
    ad = scene.ad()
    scene.since = scene.day(ad)
    scene.text(ad, scene.since)


def _only_on_the_last_day(scene: Scene) -> None:
    ad = scene.ad()
    day = scene.day(ad)
    scene.text(ad, day)
    scene.since, scene.until = day - timedelta(days=300), day


def _one_diverted_call(scene: Scene) -> None:
    ad = scene.ad(feed=Feed.OWN_FILE)
    scene.call(ad, scene.day(ad), "A", diverted=True)


def _texts_to_lines_that_were_never_advertised(scene: Scene) -> None:
    for label in ("Never advertised", "Warning page"):
        line = scene.labelled(label)
        scene.text(line, scene.day(line))


def _texts_during_burn_in(scene: Scene) -> None:
    ad = scene.labelled("Classified ad C")
    scene.text(ad, ad.decoy.live_from.date() + timedelta(days=1))
    scene.text(ad, ad.decoy.live_from.date() + timedelta(days=2))


def _texts_long_ago(scene: Scene) -> None:
    ad = scene.labelled("Oldest ad")
    for after in (0, 3):
        scene.text(ad, scene.today - timedelta(days=_EXPIRED_DAYS - after))


def _one_text_by_mistake(scene: Scene) -> None:
    """The investigator finds out later, and retracts it."""
    ad = scene.ad(feed=Feed.JSON)
    scene.text(ad, scene.day(ad))


_STORIES: tuple[tuple[int, Expected, Callable[[Scene], None]], ...] = (
    (10, SINGLE, _one_text),
    (3, SINGLE, _one_attested_call),
    (2, SINGLE, _one_text_before_possession_and_one_since),
    (8, REPEATED, _texts_on_several_days),
    (4, REPEATED, _weak_calls_on_two_days),
    (9, CORROBORATED, _texts_to_two_organisations),
    (4, NONE, _one_call_of_doubtful_origin),
    (4, NONE, _only_before_possession),
    (2, NONE, _only_after_possession),
    (2, BOUNDARY, _only_on_the_first_day),
    (2, BOUNDARY, _only_on_the_last_day),
    (2, NONE, _one_diverted_call),
    (3, NONE, _texts_to_lines_that_were_never_advertised),
    (2, NONE, _texts_during_burn_in),
    (2, NONE, _texts_long_ago),
    (1, NONE, _one_text_by_mistake),
)


def tell(rng: Random, everyone: Sequence[Target], today: date, callers: Iterator[Number]) -> list[Told]:
    """Every story as often as the table says, each with a number of its own."""
    told: list[Told] = []
    for count, expected, story in _STORIES:
        for _ in range(count):
            scene = Scene(rng, today, next(callers), everyone)
            story(scene)
            told.append(
                Told(
                    number=scene.caller,
                    contacts=tuple(scene.contacts),
                    since=scene.since,
                    until=scene.until,
                    expected=expected,
                    retracted=story is _one_text_by_mistake,
                )
            )
    return told
