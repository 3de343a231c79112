"""The part of the plot after the logs: an organisation points its Twilio numbers here, and excludes its team.

Like the rest it goes through the HTTP API alone, as Twilio and the organisation would.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace

from rich.console import Console

from registry.demo import intake_report, twilio
from registry.demo.http import DemoApi, Problem
from registry.demo.intake_report import Taken
from registry.demo.live import Live
from registry.demo.samples import Samples
from registry.demo.twilio import Account, Delivery

REASON = "outreach"


def take_in(api: DemoApi, out: Console, samples: Samples, key: str, decoy_ids: Mapping[str, str]) -> None:
    """The credential, an address for each line, then every request; one comes twice, and one is forged.

    key: of the organisation whose numbers these are.
    """
    account = twilio.made_up_account()
    api.add_twilio_credential(key, account.sid, account.auth_token)
    decoys = samples.pointing.investigator.decoys
    urls = {decoy.key: api.intake_url(key, decoy_ids[decoy.key]) for decoy in decoys}
    numbers = {decoy.key: decoy.number.e164 for decoy in decoys}

    def deliver(delivery: Delivery, signer: Account) -> None:
        url, form = urls[delivery.decoy], twilio.form(delivery, account, numbers[delivery.decoy])
        api.deliver(url, form, twilio.signature(signer.auth_token, url, form))

    for delivery in (*samples.live.deliveries, samples.live.repeated):
        deliver(delivery, account)
    forged = replace(samples.live.repeated, sid=f"SM{'0' * 32}")
    try:
        deliver(forged, twilio.made_up_account())
    except Problem as problem:
        taken = Taken(_recorded(api, key), api.withheld(key), problem)
    else:
        raise Problem("A forged request was taken", "It was signed with another account's auth token.", None)
    intake_report.show_deliveries(out, samples, taken)
    intake_report.show_baseline(out, api.baseline(key))


def _recorded(api: DemoApi, key: str) -> int:
    total = api.baseline(key, provider="twilio")["total"]
    return int(total["control"]["contacts"]) + int(total["advertised"]["contacts"])


def exclude_team(api: DemoApi, out: Console, samples: Samples, key: str, asker: str) -> None:
    """asker: a key with the scope `lookups`."""
    member = samples.live.team[0].e164
    before = _outcome(api, asker, member)
    answer = api.import_exclusions(key, team_csv(samples.live), reason=REASON, region="US")
    intake_report.show_exclusions(out, samples, int(answer["added"]), before, _outcome(api, asker, member))


def team_csv(happening: Live) -> bytes:
    """The team's list, with a column that the registry does not read."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("Team", "number"))
    writer.writerows((f"Phone {chr(ord('A') + i)}", number.e164) for i, number in enumerate(happening.team))
    return out.getvalue().encode()


def _outcome(api: DemoApi, asker: str, number: str) -> str:
    return str(api.look_up(asker, {"number": number, "purpose": "investigation"})["outcome"])
