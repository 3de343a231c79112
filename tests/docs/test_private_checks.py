"""The commands and the program of docs/private-checks.md, run as they stand."""

import csv
import os
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from client_scene import Scene, scene_in
from command_line import clean_environment
from house import opened_database, opened_house

from registry.db.embedded import EmbeddedUrls
from registry.domain.checked_table import COLUMNS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "private-checks.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def scene(cluster: EmbeddedUrls, template: str) -> Generator[Scene]:
    with opened_database(cluster, template) as urls, opened_house(urls) as house, scene_in(house) as opened:
        yield opened


def test_the_commands_check_a_file(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "registry.key").write_text(scene.asker().key, encoding="utf-8")
    settings = {
        "REGISTRY_URL": scene.url,
        "REGISTRY_API_KEY_FILE": str(tmp_path / "registry.key"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    (commands,) = blocks("sh")
    done = subprocess.run(
        ["sh", "-e", "-c", commands],
        cwd=tmp_path,
        env=clean_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    header, *rows = csv.reader((tmp_path / "results.csv").read_text(encoding="utf-8").splitlines())
    assert header == ["Device", "Phone", "Since", *COLUMNS]
    assert [row[3] for row in rows] == ["none", "none"]
    assert all(f"`{column}`" in DOCUMENT for column in COLUMNS)


def test_the_program_prints_every_answer(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = blocks("python")
    names: dict[str, Any] = {"url": scene.url, "key": scene.asker().key}
    exec(program, names)  # noqa: S102 - the document's own
    assert capsys.readouterr().out == "+12065550177 none None\n+12065550178 none None\n"
    assert names["answers"].results[1].ref == "phone-18"
