"""The commands of docs/audit-log.md, run as they stand; then what a database administrator does, and is caught."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from command_line import PROGRAM, clean_environment
from databases import DatabaseUrls
from members import KEYS
from running_api import Operator, operating, running_api
from sealed import LOG_KEY

from registry import key_file, log_key

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "audit-log.md").read_text(encoding="utf-8")
COMMANDS: Final = re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


@dataclass
class Auditor:
    """folder: where what it keeps is. environment: the address and keys that the document's commands name."""

    operator: Operator
    folder: Path
    environment: dict[str, str]

    def types(self, script: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-e", "-c", script],
            cwd=self.folder,
            env=clean_environment(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def auditor(urls: DatabaseUrls, tmp_path: Path) -> Iterator[Auditor]:
    log_key.write(tmp_path / "log-key.json", LOG_KEY, None)
    key_file.write(tmp_path / "keys.json", KEYS, None)
    with operating(urls) as operator, running_api(urls, tmp_path, log_key_file=tmp_path / "log-key.json") as api:
        environment = {
            "URL": f"http://127.0.0.1:{api.port}",
            "EMPLOYER": operator.member(api, "employer").key,
            "OPERATOR": operator.member(api, "operator").key,
            "REGISTRY_LOG_KEY_FILE": str(tmp_path / "log-key.json"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        yield Auditor(operator, tmp_path, environment)


def test_the_commands_verify_the_log_and_an_edited_row_is_caught(auditor: Auditor) -> None:
    assert len(COMMANDS) == 3
    done = auditor.types("\n".join(["sleep 2", *COMMANDS]))
    assert done.returncode == 0, done.stdout + done.stderr
    superuser = auditor.operator.superuser
    superuser.execute("ALTER TABLE audit.event DISABLE TRIGGER USER")
    edited = (
        "UPDATE audit.event SET body = convert_to("
        "replace(convert_from(body, 'UTF8'), 'company_number', 'investigation'), 'UTF8') WHERE operation = 'look_up'"
    )
    assert superuser.execute(edited.encode()).rowcount == 1
    verify = [PROGRAM, "verify-log", "--verifier-key", str(LOG_KEY.verifier)]
    environment = clean_environment({"REGISTRY_DATABASE_URL": auditor.operator.urls.app})
    caught = subprocess.run(verify, env=environment, capture_output=True, text=True, check=False)
    assert caught.returncode == 1, caught.stdout + caught.stderr
    assert "was changed after it was sealed" in caught.stdout + caught.stderr
