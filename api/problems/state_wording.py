"""What is written about who asks and how much, about the state of things, and about the registry itself.

The texts on access must never tell which of several causes it was: telling would help whoever is guessing.
"""

from collections.abc import Mapping
from typing import Final

from api.problems.wording import Wording
from registry.domain.errors import Code

_ACCESS: Final[Mapping[Code, Wording]] = {
    Code.UNAUTHORIZED: Wording(
        title="No API key that allows this was sent",
        happened=(
            "There was no API key, or it is mistyped, unknown, wrong, expired or revoked, or its organisation is "
            "suspended, or the key lacks the scope for this operation. The answer is the same for all of these, so "
            "that it helps nobody who is guessing keys."
        ),
        advice=(
            "Send `Authorization: Bearer <key>` with the whole key, without quotes or line breaks. "
            "`GET /v1/account` with the same key tells what a valid key may do, scopes included: if it answers, the "
            "scope is missing here. If it does not, ask your registry's operator for a new key."
        ),
        example="No valid API key with the scope for this operation was sent.",
    ),
    Code.QUOTA_EXCEEDED: Wording(
        title="A limit has been reached",
        happened=(
            "The key has sent more requests, or the organisation has sent more numbers, than its limits allow. "
            "`violated-policies` names the limits. A refused request counts like an answered one."
        ),
        advice=(
            "Wait for the number of seconds in `Retry-After`, and watch the `RateLimit` headers to stay below the "
            "limits. `GET /v1/account` shows what is left. The operator can set other limits for your organisation."
        ),
        example="The organisation's limit of numbers for today is used up.",
    ),
    Code.SIGNATURE_REFUSED: Wording(
        title="The request is not signed as it must be",
        happened=(
            "A provider's request came without a signature, or with one that none of the credentials bears out that "
            "the line's organisation has registered for this provider, or long after it was signed; or the address "
            "belongs to no line, or no longer. The answer is the same for all of these, so that it helps nobody who is "
            "guessing. Nothing was recorded."
        ),
        advice=(
            "In this order: paste the whole address that `POST /v1/decoys/{decoy_id}/intake-token` gave into the "
            "provider's console, without changing it. Register the credential of the very account that the number "
            "belongs to, a subaccount's own where it is in one, with `POST /v1/provider-credentials`. Ask the "
            "registry's operator whether REGISTRY_PUBLIC_URL is what the provider calls, `https` included. Where the "
            "signature covers a time, as Telnyx's and the generic sender's do, it must be within 5 minutes of the "
            "registry's clock: set the sender's clock, and have it sign anew whenever it repeats a request."
        ),
        example="The request is not signed by a credential that is registered for this line, or there is no such line.",
    ),
}

_STATE: Final[Mapping[Code, Wording]] = {
    Code.NOT_FOUND: Wording(
        title="There is nothing here",
        happened=(
            "The address or the id leads to nothing that may be seen with this request. Whether it exists for somebody "
            "else is deliberately not said."
        ),
        advice=(
            "Check the path against the API's description at `/docs`, and the id against the list you took it from. "
            "Check that the key, where there is one, belongs to the right organisation."
        ),
        example="There is nothing here that may be seen with this request.",
    ),
    Code.UNKNOWN_DECOY: Wording(
        title="The decoy is not known",
        happened=(
            "No decoy of your organisation has this id or this number. A decoy of another organisation answers in the "
            "same way."
        ),
        advice="List your decoys with `GET /v1/decoys`. Register a new line with `POST /v1/decoys` before its hits.",
        example="Your organisation has no such decoy.",
    ),
    Code.DECOY_NUMBER_TAKEN: Wording(
        title="The decoy's number is already registered",
        happened="A decoy with this number is already registered, so a second one would count its hits twice.",
        advice=(
            "Look for it with `GET /v1/decoys` and change it with `PATCH /v1/decoys/{id}`. If it is not in your list "
            "and the line is yours, tell the registry's operator."
        ),
        example="A decoy with this number is already registered.",
    ),
    Code.ROLE_IN_USE: Wording(
        title="The line's role cannot be changed any more",
        happened=(
            "The line has contacts that are not retracted, and its role says what these are worth. Under another role "
            "they would become something else afterwards: whoever misdialled a line that nobody advertised would be "
            "listed, and the false-positive baseline would have another past. Nothing was changed."
        ),
        advice=(
            "Register another line for the new role with `POST /v1/decoys`, and end this one with `live_until` if it "
            "is no longer used. If this one was registered with the wrong role, retract its contacts with `POST "
            "/v1/hits/{id}/retraction`: once all of them are, its role can be changed."
        ),
        example="The line has contacts that are not retracted, so that its role stays what it is.",
    ),
    Code.NAME_TAKEN: Wording(
        title="The name is already in use",
        happened="Something of the same kind already has this name, and names must be told apart.",
        advice="Choose another name, or use what already has this one.",
        example="This name is already in use.",
    ),
    Code.QUARANTINED_BY_OPERATOR: Wording(
        title="The operator has put the line into quarantine",
        happened=(
            "The registry's operator has put this line into quarantine, and it alone releases it. Nothing was changed: "
            "the line goes on recording contacts, and none of them counts."
        ),
        advice="Ask the registry's operator why, and for the release. It sees the line under the same id.",
        example="The registry's operator has put this line into quarantine, and it alone releases it.",
    ),
    Code.ALREADY_RETRACTED: Wording(
        title="The hit is already retracted",
        happened="This hit was retracted before. It counts for nothing any more, and nothing was changed now.",
        advice="There is nothing left to do. The reason given first stays on record.",
        example="This hit is already retracted.",
    ),
    Code.ALREADY_EXCLUDED: Wording(
        title="The number is already excluded",
        happened="Your side has an exclusion of this number already, and it is in force. Nothing was changed.",
        advice="There is nothing left to do. To change its reason, remove the exclusion and add it again.",
        example="This number is already excluded.",
    ),
    Code.ALREADY_DISPUTED: Wording(
        title="The number is already disputed",
        happened=(
            "A dispute about this number is open already. While it is open, questions about the number are answered "
            "`indeterminate`."
        ),
        advice="Add what you know to the open dispute. A second one would not be decided any sooner.",
        example="A dispute about this number is already open.",
    ),
    Code.ALREADY_CLOSED: Wording(
        title="It is already closed",
        happened="What this request would close or decide was closed before. Nothing was changed.",
        advice="Read the decision that was made. If there are new facts, open a new dispute.",
        example="This dispute is already closed.",
    ),
    Code.CREDENTIAL_IN_USE: Wording(
        title="The credential is already in use",
        happened=(
            "Your organisation has registered the same secret for this provider before (for Twilio: of the same "
            "account), and it is in use. Registered twice, it would go on taking requests when one of the two is "
            "retired. Nothing was changed."
        ),
        advice=(
            "There is nothing left to do: it takes requests under the id that `detail` names. To give it another "
            "label, retire it and register it with `again`."
        ),
        example=(
            "The organisation has this credential in use already, with the id 0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d."
        ),
    ),
    Code.CREDENTIAL_RETIRED: Wording(
        title="The credential was retired",
        happened=(
            "Your organisation has registered the same secret for this provider before, and retired it. What has "
            "leaked, or may have, must not come back unnoticed. Nothing was changed."
        ),
        advice=(
            "If it has leaked, make a new secret at the provider and register that. If it has not, because it was "
            "retired by mistake or the provider went back to it, send the same request with `again` set to true."
        ),
        example=(
            "The organisation has retired this credential, which had the id 0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d. If "
            "it has not leaked, register it with `again`."
        ),
    ),
    Code.IDEMPOTENCY_KEY_REUSED: Wording(
        title="The Idempotency-Key was used for another request",
        happened=(
            "This `Idempotency-Key` came before with another body or for another operation. Nothing was done, since "
            "it cannot be told which of the two you mean."
        ),
        advice=(
            "Use a new key, such as a random UUID, for each new request. Use the same key only to send the very same "
            "request again."
        ),
        example="This Idempotency-Key was used with another request.",
    ),
    Code.IDEMPOTENCY_KEY_IN_USE: Wording(
        title="The first request with this Idempotency-Key is still running",
        happened="A request with the same `Idempotency-Key` has not finished yet. It was not started a second time.",
        advice="Wait a few seconds and send the same request with the same key: you will get the first one's answer.",
        example="The request with this Idempotency-Key is still running.",
    ),
    Code.METHOD_NOT_ALLOWED: Wording(
        title="The method is not allowed here",
        happened="The path exists, but does not take this HTTP method.",
        advice="Use one of the methods in the `Allow` header, and compare with the API's description at `/docs`.",
        example="This path does not take this method.",
    ),
}

_REGISTRY: Final[Mapping[Code, Wording]] = {
    Code.DATABASE_UNAVAILABLE: Wording(
        title="The database cannot be reached",
        happened=(
            "The registry could not reach its database, or lost it while working. It gives no answer rather than one "
            "that is not logged. A change that was not confirmed may or may not have been made."
        ),
        advice=(
            "Wait for the number of seconds in `Retry-After` and send the same request again. With the same "
            "`Idempotency-Key` nothing is done twice. Operators: `GET /health/ready` tells when it is back."
        ),
        example="The database cannot be reached at the moment.",
    ),
    Code.OVERLOADED: Wording(
        title="The registry is too busy",
        happened="More requests came at once than the registry can take on, so this one was not started.",
        advice=(
            "Wait for the number of seconds in `Retry-After` and send the same request again. Send fewer requests at "
            "once: one check of many numbers costs far less than many lookups."
        ),
        example="Too many requests are running at the moment.",
    ),
    Code.SIGNER_UNAVAILABLE: Wording(
        title="A signer process ended",
        happened=(
            "The process that was computing this request's tags ended before it was done. Another one takes its place. "
            "What the request had not recorded before is not recorded."
        ),
        advice="Wait for the number of seconds in `Retry-After` and send the same request again.",
        example="The process that computes tags ended. It is being replaced.",
    ),
    Code.KEYS_OUT_OF_DATE: Wording(
        title="The registry's tag keys are out of date",
        happened=(
            "This server does not hold all the secret keys that stored contacts are kept under, so it could overlook "
            "a contact. It gives no answer rather than a wrong `none`."
        ),
        advice=(
            "Wait for the number of seconds in `Retry-After` and send the same request again. Operators: give this "
            "server the current key file. `demand-registry generations` lists what it must hold."
        ),
        example="This server does not hold all the tag keys that are in use.",
    ),
    Code.INTERNAL: Wording(
        title="Something went wrong inside the registry",
        happened=(
            "The registry met a fault that it did not expect. What happened is in its own log and not in this answer, "
            "since it might hold something secret. A change that was not confirmed may or may not have been made."
        ),
        advice=(
            "Tell the registry's operator the `instance` of this answer, which finds the log entry. Send a request "
            "that changes something again only with the same `Idempotency-Key`."
        ),
        example="An unexpected fault occurred. The operator can find it by this request's id.",
    ),
}

STATE_WORDING: Final[Mapping[Code, Wording]] = {**_ACCESS, **_STATE, **_REGISTRY}
