"""What is written about the audit log: places that do not exist yet, and checkpoints that never did."""

from collections.abc import Mapping
from typing import Final

from api.problems.wording import Wording
from registry.domain.errors import Code

LOG_WORDING: Final[Mapping[Code, Wording]] = {
    Code.NOT_SEALED: Wording(
        title="The event waits for its place in the log",
        happened=(
            "The event is recorded, but no signed checkpoint holds it yet, and a proof can only be made against one. "
            "Events are sealed about once a second."
        ),
        advice="Ask again after `Retry-After`. If it lasts for minutes, tell the operator: the sealer does not run.",
        example="The event is recorded and waits to be sealed. Ask again in a moment.",
    ),
    Code.UNKNOWN_CHECKPOINT: Wording(
        title="There was no checkpoint of this size",
        happened=(
            "A proof of consistency leads from one signed checkpoint to a later one, and the log has no checkpoint of "
            "one of the sizes that were asked for."
        ),
        advice=(
            "Use the sizes of checkpoints that you got from `GET /log/checkpoint`. If you hold a signed checkpoint of "
            "this log whose size is refused here, keep it: the log was rolled back."
        ),
        example="The log has no checkpoint of this size.",
    ),
}
