"""Statistics: what the registry knows of its own false positives."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import ANY
from api.resources.model import AnswerModel, AuditId, Day, Text
from registry.domain import baseline
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.operations.operation import Answered
from registry.operations.read_baseline import DEFAULT_DAYS, Baseline, Comparison, ReadBaseline, Source

router = APIRouter(prefix="/v1/statistics", tags=["Statistics"], route_class=ProtectedRoute)

_EITHER: Final = frozenset({Scope.DECOYS, Scope.OPERATOR})


class ProportionModel(AnswerModel):
    estimate: float
    low: float = Field(description="Lower end of the 95 % Wilson score interval.")
    high: float = Field(description="Its upper end.")


class TallyModel(AnswerModel):
    lines: int
    line_days: int = Field(description="Days on which a line was live, added up over the lines.")
    contacts: int = Field(description="On these days, whether they count against their numbers or not.")
    days_with_contact: int = Field(description="Line-days with at least one of the contacts.")
    rate: float | None = Field(description="Contacts per line-day; null without a line-day.")
    proportion: ProportionModel | None = Field(
        description="Of line-days with at least one contact; null without a line-day."
    )

    @classmethod
    def of(cls, tally: baseline.Tally) -> "TallyModel":
        found = tally.proportion
        return cls(
            lines=tally.lines,
            line_days=tally.line_days,
            contacts=tally.contacts,
            days_with_contact=tally.days_with_contact,
            rate=tally.rate,
            proportion=None
            if found is None
            else ProportionModel(estimate=found.estimate, low=found.low, high=found.high),
        )


class ComparisonModel(AnswerModel):
    control: TallyModel
    advertised: TallyModel
    baseline: float | None = Field(
        description="Estimated share of the contacts on advertised lines that would have come anyway: the rate on "
        "control lines over that on advertised ones, at most 1. Null where it cannot be told: there is no line-day on "
        "either side, no contact on advertised lines, or no control line that ever had a contact this way."
    )

    @classmethod
    def of(cls, compared: Comparison) -> "ComparisonModel":
        return cls(
            control=TallyModel.of(compared.control),
            advertised=TallyModel.of(compared.advertised),
            baseline=compared.share,
        )


class GroupModel(ComparisonModel):
    region: str | None = Field(description="Of the lines; null: those without one.")
    provider: Source | None = Field(description="Whose webhook the contacts came by; null: all together.")


class BaselineAnswer(AnswerModel):
    since: date
    until: date
    total: ComparisonModel
    groups: list[GroupModel] = Field(
        description="By region, and in it by provider. Line-days are the region's; where no line of one side ever had "
        "a contact by that provider, that side has none: it is not known whether one of its lines is there at all."
    )
    audit_id: AuditId


@router.get(
    "/baseline",
    operation_id="getBaseline",
    summary="Contacts on control lines against advertised ones",
    response_model=BaselineAnswer,
    responses=responses(
        *ANY,
        Code.INVALID_REQUEST,
        Code.INVALID_VALUE,
        Code.NUL_BYTE,
        Code.WINDOW_REVERSED,
        Code.DATE_IN_FUTURE,
        Code.UNKNOWN_REGION,
    ),
)
def get_baseline(
    call: Annotated[Call, Depends(call_for(_EITHER, ReadBaseline))],
    since: Annotated[
        Day | None, Query(description=f"First UTC day; by default {DEFAULT_DAYS} days up to `until`.")
    ] = None,
    until: Annotated[Day | None, Query(description="Last UTC day; by default, and at most, today.")] = None,
    region: Annotated[Text | None, Query(max_length=16, description="Only lines of this region.")] = None,
    provider: Annotated[Source | None, Query(description="Only contacts that came this way.")] = None,
) -> Response:
    """An investigator sees its own lines, the operator everybody's. Lines in quarantine are left out."""

    def render(answered: Answered[Baseline]) -> BaselineAnswer:
        found = answered.result
        return BaselineAnswer(
            since=found.period.since,
            until=found.period.until,
            total=ComparisonModel.of(found.total),
            groups=[
                GroupModel(**dict(ComparisonModel.of(group.compared)), region=group.region, provider=group.provider)
                for group in found.groups
            ],
            audit_id=answered.audit_id,
        )

    return call.read(ReadBaseline(since, until, region, provider), render)
