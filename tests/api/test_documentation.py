import json
import re
from pathlib import Path
from typing import Final

import pytest
from house import House

from api.problems import type_uri
from registry.domain.errors import Code

COMMITTED: Final = Path(__file__).parents[2] / "openapi" / "openapi.json"
REFERENCES: Final = re.compile(r'(?:src|href)="([^"]+)"')


def test_whoever_comes_to_the_door_is_led_to_the_documentation(house: House) -> None:
    answer = house.client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


def test_the_documentation_needs_no_other_host(house: House) -> None:
    page = house.client.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace("</html>", "").partition("<html")[2]
    references = REFERENCES.findall(page.text)
    assert len(references) >= 3
    for reference in references:
        answer = house.client.get(reference)
        assert answer.status_code == 200, reference
        assert len(answer.content) > 100
    assert 'url: "/openapi.json"' in house.client.get("/docs/start.js").text
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    assert "<script>" not in page.text


@pytest.mark.parametrize("name", ["nothing.js", "..%2fapp.py", "swagger-ui-bundle.js.map"])
def test_no_other_file_is_served(house: House, name: str) -> None:
    assert house.client.get(f"/docs/assets/{name}").status_code == 404


def test_the_document_that_is_served_is_the_committed_one(house: House) -> None:
    answer = house.client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == COMMITTED.read_bytes()
    document = json.loads(answer.content)
    assert document["openapi"].startswith("3.1")


def test_operations_have_names_that_clients_can_be_generated_from() -> None:
    document = json.loads(COMMITTED.read_text(encoding="utf-8"))
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(?:[A-Z][a-z]+)+", name) for name in names)
    assert set(names) == {
        *("createLookup", "createCheck", "checkFile", "getAccount"),
        *("getPrivateParameters", "createPrivateEvaluation", "getPrivateSet", "getPrivateBucket"),
        "createPrivateDisclosure",
        *("createDecoy", "listDecoys", "changeDecoy", "quarantineDecoy", "releaseDecoy", "getBaseline"),
        *("issueIntakeToken", "removeIntakeToken", "takeIn"),
        *("addProviderCredential", "listProviderCredentials", "retireProviderCredential"),
        *("createHits", "listHits", "retractHit", "retractHits", "importHits"),
        *("createOrganisation", "listOrganisations", "suspendOrganisation", "resumeOrganisation", "setLimits"),
        *("issueKey", "listKeys", "revokeKey", "expireKey"),
        *("addExclusion", "removeExclusion", "endExclusion", "importExclusions", "listExclusions"),
        "removeExclusionFile",
        *("openDispute", "closeDispute", "listDisputes"),
        *("listEvents", "proveEvent", "getCheckpoint", "getTile", "getConsistency", "listSubjectDisclosures"),
        *("getLiveness", "getReadiness", "getMetrics"),
    }


def test_no_parameter_of_a_path_or_a_query_takes_a_number() -> None:
    document = json.loads(COMMITTED.read_text(encoding="utf-8"))
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = {one["name"] for operation in operations for one in operation.get("parameters", ())}
    assert not names & {"number", "numbers", "phone", "msisdn", "q"}


def test_the_type_of_every_problem_leads_to_its_explanation(house: House) -> None:
    page = house.client.get("/problems")
    assert page.status_code == 200
    for code in Code:
        path, _, fragment = type_uri("/problems", code).partition("#")
        assert path == "/problems"
        assert page.text.count(f'id="{fragment}"') == 1


def test_the_guidance_says_what_an_answer_does_not_prove(house: House) -> None:
    text = house.client.get("/guidance").text
    for words in ("never what a person did", "It is no clearance", "human resources", "legal counsel", "dispute"):
        assert words in text
