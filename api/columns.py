"""What an answer about a file of numbers says of the file's columns."""

from dataclasses import asdict
from typing import Any

from pydantic import Field

from api.resources.model import AnswerModel
from registry.domain.read_columns import SAMPLE_ROWS, TableColumns


class ReadColumnModel(AnswerModel):
    field: str = Field(description="What it was read as.")
    column: str


class UnreadColumnModel(AnswerModel):
    column: str
    numbers: int = Field(
        description=f"In how many of the first {SAMPLE_ROWS} rows it holds what looks like a phone number. Nothing was "
        "done about these: send the file again with `map=number=` and this column."
    )


class ColumnsModel(AnswerModel):
    """By their names in the file, or as `column_2` where a name is missing, could hold a number or is not its own."""

    read: list[ReadColumnModel]
    not_read: list[UnreadColumnModel]


def told_columns(columns: TableColumns | None) -> dict[str, Any]:
    """The member `columns` of a summary; null for a file that has none."""
    return {"columns": None if columns is None else asdict(columns)}
