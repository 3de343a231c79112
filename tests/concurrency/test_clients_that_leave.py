"""Clients that go away half way: through their upload, or while they are being answered."""

import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from house import fictional_numbers
from interleaved import wait_until
from members import Member
from running_api import Shared, head_of, raw_connection

pytestmark = pytest.mark.xdist_group("heavy")

NUMBERS: Final = reversed(list(fictional_numbers()))
"""None that the other tests of the shared API use: a line's number is listed for nobody."""
CHUNKS: Final = 12
CHUNK_ROWS: Final = 2_000
RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: closing the socket resets the connection, as the end of the client's process may."""


def spooled(shared: Shared) -> list[str]:
    """Files of uploads that a process of the API still has open, or that lie about."""
    found = [str(path) for path in shared.spool.iterdir()]
    for pid in shared.api.pids():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(link.readlink())
            except FileNotFoundError:
                continue
            if target.startswith(str(shared.spool)):
                found.append(target)
    return found


def finished(shared: Shared, route: str) -> Callable[[], int]:
    """How many requests of a route the access log has."""
    return lambda: len(shared.api.logged(message="request", route=route))


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def events_of(shared: Shared, member: Member) -> list[tuple[str, str]]:
    """Operation and result, in their order."""
    rows = shared.operator.superuser.execute(
        "SELECT operation, audit.field(body, 'result') FROM audit.event WHERE organisation = %s ORDER BY id",
        (member.id,),
    ).fetchall()
    return [(operation, result) for operation, result in rows]


@pytest.mark.parametrize("how", [socket.socket.close, reset])
def test_an_upload_that_breaks_off_records_nothing_but_that_it_broke_off(
    shared: Shared, how: Callable[[socket.socket], None]
) -> None:
    member = shared.member("investigator")
    decoy = member.register_decoy(next(NUMBERS))
    rows = [f"{turn},{decoy},{next(NUMBERS)},US,sms,2026-11-01T10:00:00Z" for turn in range(100)]
    content = "\n".join(["source_id,decoy_id,number,region,channel,occurred_at", *rows]).encode()
    done = finished(shared, "/v1/hits/imports")
    before = done()
    with raw_connection(shared.api) as connection:
        connection.sendall(head_of(member, "/v1/hits/imports", len(content)) + content[: len(content) // 2])
        if Path("/proc").exists():
            wait_until(lambda: len(spooled(shared)) == 1)  # it is being received, into a file without a name
        how(connection)
    wait_until(lambda: done() > before)
    assert events_of(shared, member)[1:] == [("import_hits", "upload_incomplete")]
    assert shared.operator.value("SELECT count(*) FROM registry.hits WHERE organisation_id = %s", member.id) == 0
    charged = shared.operator.value("SELECT used FROM registry.organisation_days WHERE organisation_id = %s", member.id)
    assert charged == 1  # the decoy's number; none of the file was looked at
    wait_until(lambda: spooled(shared) == [])


def test_an_upload_of_which_nothing_comes_is_no_operation_that_works(shared: Shared) -> None:
    member = shared.member("employer")
    done = finished(shared, "/v1/checks/files")
    before = done()
    with raw_connection(shared.api) as connection:
        connection.sendall(head_of(member, "/v1/checks/files?purpose=company_number", 1_000_000))
        wait_until(lambda: len(spooled(shared)) == 1 or not Path("/proc").exists())
    wait_until(lambda: done() > before)
    assert events_of(shared, member) == [("check_file", "upload_incomplete")]
    wait_until(lambda: spooled(shared) == [])


@pytest.mark.parametrize("how", [socket.socket.close, reset])
def test_a_client_that_goes_away_during_its_file_check_stops_the_work_at_a_next_chunk(
    shared: Shared, how: Callable[[socket.socket], None]
) -> None:
    member = shared.member("employer", numbers_per_day=1_000_000)
    number = next(NUMBERS)
    content = b"number\n" + f"{number}\n".encode() * (CHUNKS * CHUNK_ROWS)
    done = finished(shared, "/v1/checks/files")
    before = done()
    with raw_connection(shared.api) as connection:
        connection.sendall(head_of(member, "/v1/checks/files?purpose=company_number", len(content)) + content)
        assert connection.recv(12) == b"HTTP/1.1 200"
        how(connection)
    wait_until(lambda: done() > before)
    answered = len(events_of(shared, member))
    assert 1 <= answered <= CHUNKS // 2
    wait_until(lambda: spooled(shared) == [])
    assert len(events_of(shared, member)) == answered
