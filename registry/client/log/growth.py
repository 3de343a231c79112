"""A log that shows less than was seen of it: an old copy of it, or one that was cut. The log itself is asked, and must
prove what it answers.
"""

from typing import NoReturn

from registry.client.log.source import CheckpointUnknown, LogSource
from registry.domain.contradictions import Contradiction, Kind, NotVerifiable
from registry.domain.merkle import ProofInvalid, verify_consistency
from registry.domain.signed_notes import Checkpoint


def judge_shorter(source: LogSource, shown: Checkpoint, seen: Checkpoint, said: str) -> NoReturn:
    """shown: the smaller one. said: that it is, as the beginning of a sentence.

    Raises NotVerifiable where the log still has what was seen, which continues what is shown; Contradiction where it
    has not; RegistryError where it could not be asked.
    """
    try:
        if shown.size == 0:  # nothing needs proof to continue it
            raise CheckpointUnknown("An empty log was signed.", code="unknown_checkpoint")
        proof = source.consistency(shown.size, seen.size)
        verify_consistency(shown.size, shown.root, seen.size, seen.root, proof)
    except CheckpointUnknown:
        raise Contradiction(Kind.ROLLED_BACK, f"{said}: its end was cut off, or an older state was restored.") from None
    except ProofInvalid as invalid:
        raise Contradiction(
            Kind.HISTORY_REWRITTEN, f"{said}, and the two are not shown to belong to one log. {invalid}"
        ) from None
    raise NotVerifiable(
        f"{said}. The registry still proves that one, so that this was an old copy, as a cache shows it, and nothing "
        "newer could be looked at. Try again in a moment; if it stays like that, ask the registry's operator."
    )
