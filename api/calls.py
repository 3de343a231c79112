"""The spine. Every protected route makes one Call, and through it: authenticates, spends the limits, runs the
operation in one transaction with its audit event, and answers.

`call_for` only collects, in the event loop. Everything that waits happens in the route's own thread.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from fastapi import Request as HttpRequest
from fastapi import Response
from pydantic import BaseModel

from api import limits, metrics
from api.authentication import Authenticator, Unproved
from registry.db.admission import Admission, admit, charge_once
from registry.domain.audit import OK
from registry.domain.credentials import OrganisationKind, Scope
from registry.domain.errors import Code, Refused
from registry.domain.limits import Standing
from registry.operations.idempotency import Idempotency, Replayed, reused
from registry.operations.operation import NOBODY, Answered, Caller, Operation, ReadOperation, Request, WriteOperation
from registry.operations.registry import Registry, keys_out_of_date

if TYPE_CHECKING:
    from starlette.datastructures import State

P = TypeVar("P")
R = TypeVar("R")
A = ParamSpec("A")

Render = Callable[[Answered[R]], BaseModel]
JSON: Final = "application/json"
_USER_AGENT_LENGTH: Final = 200
# Seven digits with only spaces and punctuation between them, as in registry.domain.references: a number perhaps.
_NUMBER_PERHAPS: Final = re.compile(r"\+?[0-9](?:[^0-9A-Za-z]*[0-9]){6,}")


@dataclass
class Call:
    """One request to one protected route."""

    registry: Registry
    authenticator: Authenticator
    request: Request
    scope: Scope | None
    """What its key must have. None: any key will do, or one that has one of `any_of`."""
    operation: str
    """The name under which a request is recorded that never became an operation."""
    authorization: str | None = field(repr=False)
    idempotency: Idempotency | None = None
    caller: Caller = NOBODY
    standings: tuple[Standing, ...] = ()
    any_of: frozenset[Scope] = frozenset()

    def read(self, operation: ReadOperation[P, R], render: Render[R], status: int = 200) -> Response:
        """Authenticates, spends, runs and answers an operation that only asks. Repeated under its Idempotency-Key
        within a day it is answered anew, and its numbers are not charged again.
        """
        charged = self.admit_once(operation)
        answered = self.run(operation, charged=charged)
        return self.respond(render(answered), status)

    def write(
        self,
        operation: WriteOperation[P, R],
        render: Render[R],
        status: int | Callable[[R], int] = 200,
        *,
        stored: Render[R] | None = None,
    ) -> Response:
        """Like `read` for an operation that changes something; a repeated Idempotency-Key gets the stored answer.

        stored: what to store of the answer instead of the answer itself, where that holds a secret.
        """
        charged = self.admit(operation)
        if self.idempotency is None:
            answered = self.run(operation, charged=charged)
            return self.respond(render(answered), _status(status, answered))
        keep = stored or render

        def kept(done: Answered[R]) -> tuple[int, bytes]:
            return _status(status, done), keep(done).model_dump_json().encode()

        marks = self.recorded(self.idempotency.marks, self.caller.organisation())
        try:
            answered = self.run(operation, charged=charged, before=marks.before, after=marks.after(kept))
        except Replayed as replayed:
            return self._replay(operation, replayed, charged)
        return self.respond(render(answered), _status(status, answered))

    def _replay(self, operation: Operation[P, R], replayed: Replayed, charged: int) -> Response:
        self.registry.record_replay(operation, self.caller, self.request, charged)
        headers = {**self.headers(), "Idempotency-Replayed": "true"}
        return Response(replayed.body, replayed.status, headers, JSON)

    def admit_once(self, operation: Operation[P, R]) -> int:
        """`admit` for a question: what was paid under its Idempotency-Key before is not charged again."""
        if self.idempotency is None or operation.submitted == 0:
            return self.admit(operation)
        self.admit(operation, numbers=0)
        marks = self.recorded(self.idempotency.marks, self.caller.organisation())
        key_id, numbers = self.caller.key_id or "", operation.submitted
        charge = self.registry.database.run_single(
            lambda c: charge_once(
                c,
                key_id,
                self.scope,
                organisation_id=marks.owner,
                fingerprint=marks.key,
                request=marks.request,
                numbers=numbers,
            )
        )
        self._require(operation, None if charge is None else charge.admission, key_id, numbers)
        if charge is None or not charge.paid:
            return numbers
        if charge.reused:
            raise self.refused(operation, reused())
        return 0

    def charge(self, operation: str, numbers: int) -> None:
        """Spends more numbers on a request that was admitted already, before any work is done for them."""
        self.admit(operation, numbers=numbers, requests=0)

    def recorded(self, step: Callable[A, R], *args: A.args, **kwargs: A.kwargs) -> R:
        """A step of an admitted request, outside of an operation, whose refusal is recorded."""
        try:
            return step(*args, **kwargs)
        except Refused as refusal:
            raise self.refused(self.operation, refusal) from None

    def admit(self, operation: Operation[P, R] | str, *, numbers: int | None = None, requests: int = 1) -> int:
        """Authenticates and spends one request and the operation's numbers. Returns what was charged.

        Raises Refused, recorded, where the caller may not, or no longer, ask.
        """
        if numbers is None:
            numbers = 0 if isinstance(operation, str) else operation.submitted
        try:
            key_id = self.authenticator.prove(self.authorization, self.request.address)
        except Unproved as unproved:
            raise self._unproved(operation, unproved, Caller(key_id=unproved.key_id)) from None
        found = self.registry.database.run_single(
            lambda c: admit(c, key_id, self.scope, requests=requests, numbers=numbers)
        )
        self._require(operation, found, key_id, numbers)
        return numbers

    def _require(self, operation: Operation[P, R] | str, found: Admission | None, key_id: str, numbers: int) -> None:
        """Who it is that was admitted. Raises Refused, recorded, where nobody was."""
        if found is None:
            raise self._unproved(operation, self.authenticator.failed(self.request.address, None), NOBODY)
        self.caller = Caller(
            found.organisation_id,
            OrganisationKind(found.organisation_kind),
            found.organisation_name,
            key_id,
            frozenset(Scope(scope) for scope in found.scopes),
        )
        if not found.usable or (self.any_of and not self.any_of & self.caller.scopes):
            raise self._unproved(operation, self.authenticator.failed(self.request.address, key_id), self.caller)
        self.standings = limits.standings(found)
        self._require_quota(operation, found, numbers)
        if found.generations != self.registry.generations.active:
            raise self.refused(operation, keys_out_of_date())

    def _require_quota(self, operation: Operation[P, R] | str, found: Admission, numbers: int) -> None:
        if found.key_allowed and found.day_allowed:
            return
        key, day = self.standings
        violated = tuple(
            standing.name.value
            for standing, allowed in ((key, found.key_allowed), (day, found.day_allowed))
            if not allowed
        )
        if found.key_allowed:
            detail = f"The organisation may ask or submit {day.remaining} more numbers today; this was {numbers}."
            if numbers > day.quota:
                detail += f" A day's limit is {day.quota}: waiting cannot help, send fewer at a time."
            wait = float(day.reset)
        else:
            detail = "The key has made its requests for this minute."
            wait = 60.0 / key.quota
        raise self.refused(operation, Refused(Code.QUOTA_EXCEEDED, detail, retry_after=wait, violated=violated))

    def _unproved(self, operation: Operation[P, R] | str, unproved: Unproved, caller: Caller) -> Refused:
        """Recorded where a key is known that was claimed; noise that names no key must not fill the log."""
        metrics.authentication_failures.inc()
        if caller.key_id is None or unproved.refusal.code is not Code.UNAUTHORIZED:
            return unproved.refusal
        self.caller = caller
        return self.refused(operation, unproved.refusal)

    def refused(self, operation: Operation[P, R] | str, refusal: Refused) -> Refused:
        """Records a refusal that happened outside of an operation, and returns it with its receipt."""
        name = operation if isinstance(operation, str) else operation.name
        metrics.operations.labels(name, refusal.headline).inc()
        refusal.audit_id = self.registry.record_refusal(refusal.headline, operation, self.caller, self.request)
        return refusal

    def refuse(self, refusal: Refused) -> Refused:
        """For a request that never became an operation: it costs and is recorded like one, if its key is good."""
        self.admit(self.operation, numbers=0)
        return self.refused(self.operation, refusal)

    def run(self, operation: Operation[P, R], *, charged: int, **also: Any) -> Answered[R]:
        """One transaction of an admitted caller, counted once it is committed."""
        try:
            answered = self.registry.run(operation, self.caller, self.request, charged=charged, **also)
        except Refused as refusal:
            metrics.operations.labels(operation.name, refusal.headline).inc()
            raise
        metrics.operations.labels(operation.name, OK).inc()
        metrics.numbers.labels(operation.name).inc(operation.submitted)
        for alarm in answered.alarms:
            metrics.flood.labels(alarm.flooded.value).inc()
        return answered

    def respond(self, content: BaseModel, status: int) -> Response:
        return Response(content.model_dump_json(), status, self.headers(), JSON)

    def headers(self) -> dict[str, str]:
        """What every answer to this call carries."""
        return limits.headers(self.standings)


def _status(status: int | Callable[[R], int], answered: Answered[R]) -> int:
    return status if isinstance(status, int) else status(answered.result)


class CallFor:
    """The dependency of a protected route: collects what a Call needs, and waits for nothing.

    scope: None for a route that is open to any key; several where one of them is enough.
    operation: the name its refused requests are recorded under.
    """

    def __init__(self, scope: Scope | frozenset[Scope] | None, operation: type[Operation[Any, Any]]) -> None:
        self.scope = None if isinstance(scope, frozenset) else scope
        self.any_of = scope if isinstance(scope, frozenset) else frozenset[Scope]()
        self.operation = operation.name

    async def __call__(self, request: HttpRequest) -> Call:
        return self.collect(request)

    def collect(self, request: HttpRequest) -> Call:
        """The request's Call, made once. Raises Refused for a malformed Idempotency-Key, after the Call is there."""
        state = request.state
        existing: Call | None = getattr(state, "call", None)
        if existing is not None:
            return existing
        app_state: State = request.app.state
        registry: Registry = app_state.registry
        headers = request.headers
        call = Call(
            registry=registry,
            authenticator=app_state.authenticator,
            request=Request(
                id=state.request_id,
                route=f"{request.method} {request.scope['route'].path}",
                address=None if request.client is None else request.client.host,
                user_agent=printable(headers.get("user-agent")),
            ),
            scope=self.scope,
            any_of=self.any_of,
            operation=self.operation,
            authorization=headers.get("authorization"),
        )
        state.call = call
        return call


call_for = CallFor


def printable(user_agent: str | None) -> str | None:
    """It is the caller's text: printable ASCII alone, without what could be a number, and cut to a length."""
    if user_agent is None:
        return None
    text = "".join(character if " " <= character <= "~" else "?" for character in user_agent)
    return _NUMBER_PERHAPS.sub("...", text)[:_USER_AGENT_LENGTH]
