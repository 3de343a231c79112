"""What a client repeats and what it does not, and what it says when it gives up."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from client_scene import Scene, left
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from meddling import Between, Exchange, HangUp, between
from members import Member

from registry.client import ProtocolError, Question, QuotaExceeded, RegistryClient, RegistryError, Unavailable
from registry.client._connection import Connection, Patience
from registry.client.target import Target

PURPOSE = "company_number"
PROBLEM = {"Content-Type": "application/problem+json"}


class Times:
    """Does something to the first so many answers, and nothing to the later ones."""

    def __init__(self, count: int, what: Callable[[Exchange], None]) -> None:
        self.count = count
        self.what = what

    def __call__(self, exchange: Exchange) -> None:
        if self.count > 0:
            self.count -= 1
            self.what(exchange)


def hang_up(_exchange: Exchange) -> None:
    raise HangUp


def saying(status: int, headers: dict[str, str], body: str = "{}") -> Callable[[Exchange], None]:
    def say(exchange: Exchange) -> None:
        exchange.status, exchange.headers, exchange.body = status, headers, body.encode()

    return say


@pytest.fixture
def watched(scene: Scene) -> Generator[Between]:
    with between(scene.url) as opened:
        yield opened


@pytest.fixture
def client(scene: Scene, asker: Member, watched: Between) -> Generator[RegistryClient]:
    with scene.client(asker, url=watched.url, patience=5.0) as opened:
        yield opened


def test_an_answer_that_is_lost_is_asked_for_again_and_charged_once(
    scene: Scene, client: RegistryClient, watched: Between, asker: Member
) -> None:
    before = left(asker)
    watched.after = Times(2, hang_up)
    assert client.check([Question(scene.seen[0])], purpose=PURPOSE).counts["contact_observed"] == 1
    assert watched.count("/v1/checks") == 3
    assert before - left(asker) == 1


def test_every_step_of_a_private_check_survives_a_broken_connection(
    scene: Scene, client: RegistryClient, watched: Between, asker: Member
) -> None:
    before = left(asker)
    lost: set[str] = set()

    def lose_each_once(exchange: Exchange) -> None:
        if exchange.path not in lost:
            lost.add(exchange.path)
            raise HangUp

    watched.after = lose_each_once
    told = client.check_private([*scene.seen[:1], *scene.fresh(2)], purpose=PURPOSE)
    assert told.counts["contact_observed"] == 1
    assert len(lost) == 4
    assert before - left(asker) == 3 + 1


@pytest.mark.parametrize(
    "again",
    [
        saying(503, {**PROBLEM, "Retry-After": "1"}, '{"code": "signer_unavailable"}'),
        saying(429, {**PROBLEM, "Retry-After": "1"}, '{"code": "quota_exceeded"}'),
        saying(409, PROBLEM, '{"code": "idempotency_key_in_use"}'),
        saying(502, {"Content-Type": "text/html"}, "<p>Bad gateway</p>"),
        saying(504, {}, ""),
    ],
)
def test_what_may_pass_is_tried_again(
    scene: Scene, client: RegistryClient, watched: Between, again: Callable[[Exchange], None]
) -> None:
    watched.before = Times(1, hang_up)
    watched.after = Times(1, again)
    assert client.check([Question(scene.seen[0])], purpose=PURPOSE).counts["contact_observed"] == 1
    assert watched.count("/v1/checks") == 3


@pytest.mark.parametrize(
    ("final", "kind"),
    [
        (saying(500, PROBLEM, '{"code": "internal", "title": "A fault"}'), RegistryError),
        (saying(422, PROBLEM, '{"code": "idempotency_key_reused"}'), RegistryError),
        (saying(400, PROBLEM, '{"code": "x", "errors": [1, {"pointer": 2}]}'), RegistryError),
        (saying(200, {"Content-Type": "text/html"}, "<p>Welcome</p>"), ProtocolError),
        (saying(200, {}, "[]"), ProtocolError),
        (saying(404, {"Content-Type": "text/html"}, "?"), ProtocolError),
        (saying(302, {"Location": "https://example.org"}), ProtocolError),
        (saying(422, PROBLEM, "no JSON"), ProtocolError),
        (saying(503, {**PROBLEM, "Retry-After": "3600"}, '{"code": "overloaded"}'), Unavailable),
        (saying(429, {**PROBLEM, "Retry-After": "3600"}, '{"code": "quota_exceeded"}'), QuotaExceeded),
    ],
)
def test_what_does_not_pass_is_told_at_once(
    client: RegistryClient, watched: Between, final: Callable[[Exchange], None], kind: type[RegistryError]
) -> None:
    watched.after = final
    began = time.monotonic()
    with pytest.raises(kind):
        client.check([Question("+12065550177")], purpose=PURPOSE)
    assert time.monotonic() - began < 2
    assert watched.count("/v1/checks") == 1


def test_patience_ends(scene: Scene, asker: Member, watched: Between) -> None:
    watched.after = hang_up
    with scene.client(asker, url=watched.url, patience=1.0) as client, pytest.raises(Unavailable) as caught:
        client.account()
    assert (caught.value.status, caught.value.code) == (None, "connection")
    assert watched.count("/v1/account") in {2, 3}
    assert asker.key not in str(caught.value)


def test_a_request_without_a_key_is_sent_once(asker: Member, watched: Between) -> None:
    watched.after = hang_up
    connection = Connection(Target.of(watched.url, asker.key), Patience(5.0, 5.0))
    with pytest.raises(Unavailable):
        connection.post("/v1/checks", b"{}", None)
    connection.close()
    assert watched.count("/v1/checks") == 1


def test_nobody_waits_long_where_nobody_ever_answered() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    began = time.monotonic()
    with RegistryClient(url, "drk_test_abc", patience=60.0) as client, pytest.raises(Unavailable) as caught:
        client.account()
    assert time.monotonic() - began < 5
    assert f"Nothing answers at {url}." in str(caught.value)


def test_a_registry_that_says_nothing_is_not_waited_for_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            RegistryClient(url, "drk_test_abc", patience=0.0, timeout=0.2) as client,
            pytest.raises(Unavailable) as caught,
        ):
            client.account()
    assert "has not answered in time" in str(caught.value)


def test_what_speaks_no_http_ends_early() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        thread = threading.Thread(target=_say_nonsense, args=(other,))
        thread.start()
        url = f"http://127.0.0.1:{other.getsockname()[1]}"
        with RegistryClient(url, "drk_test_abc", patience=0.0) as client, pytest.raises(Unavailable) as caught:
            client.account()
        thread.join()
    assert "ended early" in str(caught.value)


def _say_nonsense(server: Any) -> None:
    accepted, _ = server.accept()
    with accepted:
        accepted.recv(65_536)
        accepted.sendall(b"nonsense\r\n\r\n")


def test_a_certificate_that_is_not_trusted_is_told_at_once(tmp_path: Path) -> None:
    certificate = _self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_shake_hands, args=(server, context))
        thread.start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        with RegistryClient(url, "drk_test_abc", patience=30.0) as client, pytest.raises(Unavailable) as caught:
            client.account()
        thread.join()
    assert "The certificate of" in str(caught.value)


def _shake_hands(server: socket.socket, context: ssl.SSLContext) -> None:
    accepted, _ = server.accept()
    with accepted, suppress(OSError), context.wrap_socket(accepted, server_side=True):
        pass


def _self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry.test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "certificate.pem"
    path.write_bytes(key.private_bytes(*form) + built.public_bytes(Encoding.PEM))
    return path
