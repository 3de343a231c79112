"""Provider credentials from the command line: the secret comes by standard input and is never shown."""

import base64

import pytest
from command_line import CommandLine

ACCOUNT = "AC" + "0" * 32
TOKEN = "an-auth-token-of-the-tests"
OF = ("--organisation", "Example Watch")


@pytest.fixture(scope="module")
def watch(shared: CommandLine) -> CommandLine:
    shared.organisation("investigator", "Example Watch")
    return shared


def test_a_credential_is_added_listed_and_retired(watch: CommandLine) -> None:
    labelled = ("--label", "Main account")
    said = watch.done("providers", "add", "twilio", *OF, *labelled, typed=f"{ACCOUNT}\n{TOKEN}\n")
    (listed,) = watch.json("providers", "list", *OF)["data"]
    assert listed["id"] in said
    assert (listed["provider"], listed["label"], listed["retired_at"]) == ("twilio", "Main account", None)
    assert "Main account" in watch.done("providers", "list", *OF)
    assert "taken until" in watch.done("providers", "retire", listed["id"], *OF)
    retired = watch.json("providers", "retire", listed["id"], *OF, "--at-once")
    assert retired["also_retired"] == []
    assert retired["verifies_until"] >= retired["retired_at"]
    assert TOKEN not in said + watch.done("providers", "list", *OF)


def test_one_secret_is_in_use_once_and_comes_back_only_where_that_is_said(watch: CommandLine) -> None:
    add, typed = ("providers", "add", "twilio", *OF), f"{ACCOUNT}\nanother-{TOKEN}\n"
    id_ = watch.json(*add, typed=typed)["id"]
    said = watch.refused(*add, typed=typed)
    assert f"in use already, with the id {id_}. (credential_in_use)" in said
    watch.done("providers", "retire", id_, *OF)
    said += watch.refused(*add, typed=typed)
    assert "(credential_retired)" in said
    assert TOKEN not in said
    back = watch.json(*add, "--again", typed=typed)["id"]
    told = watch.done("providers", "retire", back, *OF, "--at-once")
    assert f"The same secret, and retired with it: {id_}." in told


def test_each_provider_has_its_own_parts(watch: CommandLine) -> None:
    key = base64.b64encode(bytes(32)).decode()
    assert watch.json("providers", "add", "telnyx", *OF, typed=f"{key}\n")["provider"] == "telnyx"
    assert watch.json("providers", "add", "generic", *OF, typed=f"whsec_{key}\n")["provider"] == "generic"
    said = watch.refused("providers", "add", "twilio", *OF, typed=f"{TOKEN}\n", code=2)
    assert "2 lines: account_sid, auth_token" in said
    assert TOKEN not in said


def test_what_is_wrong_is_said_without_repeating_it(watch: CommandLine) -> None:
    said = watch.refused("providers", "add", "twilio", *OF, typed=f"AD{'0' * 32}\n{TOKEN}\n")
    assert "account SID" in said
    assert TOKEN not in said
    said = watch.refused("providers", "add", "twilio", *OF, "--label", f"with {TOKEN}", typed=f"{ACCOUNT}\n{TOKEN}\n")
    assert "The label holds a part of the credential" in said
    assert TOKEN not in said
    other = "0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"
    assert "no such credential" in watch.refused("providers", "retire", other, *OF)
