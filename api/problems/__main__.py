"""`python -m api.problems --write | --check`: keeps openapi/problems.md in step with the catalogue."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from api.problems.markdown import render_markdown

PROBLEMS_MD: Final = Path(__file__).resolve().parents[2] / "openapi" / "problems.md"


def main(arguments: Sequence[str], target: Path = PROBLEMS_MD) -> int:
    """Write the file, or compare it. Returns the exit status: 1 if --check found a difference."""
    parser = argparse.ArgumentParser(prog="python -m api.problems", description="Keeps openapi/problems.md in step.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write the file")
    what.add_argument("--check", action="store_true", help="fail if the file is not what --write would write")
    write: bool = parser.parse_args(arguments).write
    text = render_markdown().encode()
    if write:
        target.write_bytes(text)
        return 0
    if target.is_file() and target.read_bytes() == text:
        return 0
    sys.stderr.write(f"{target.name} is out of step with the catalogue: run python -m api.problems --write\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
