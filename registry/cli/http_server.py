"""Running uvicorn: the address it listens on, its options, and an end that is the same for every signal.

The application is named by its factory and loaded by uvicorn, in this process or in the workers; nothing here imports
it.
"""

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType
from typing import Final

import click
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from registry.settings import Settings

APPLICATION: Final = "api.serving:build"
_WORKER_ANSWERS_SECONDS: Final = 10
"""A worker that is busy with a large file answers its parent late, and is not dead."""
_INTERRUPTED: Final = Event()
"""Set by a signal. Where its exception falls into a callback, at a fork say, Python goes on as if nothing had been."""
_DID_NOT_START: Final = "The API did not start; the log above says why."


@contextmanager
def listening(host: str, port: int, *, other_port: str) -> Generator[socket.socket]:
    """A bound socket, so that nobody can take the port between this check and the start.

    other_port: what to do where it is taken, with `{port}` for the number of another one.
    ClickException where it cannot be bound.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise click.ClickException(f"The host {host} is not known. Use an address of this machine.") from None
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise click.ClickException(_unbindable(error, host, port, other_port)) from None
        listener.set_inheritable(True)
        yield listener


def serve(
    settings: Settings, listener: socket.socket, *, workers: int = 1, ready: Callable[[], None] = lambda: None
) -> None:
    """Serves until a signal ends it. ready: called when one process answers.

    Raises KeyboardInterrupt after a graceful stop by a signal, or where one came before, and ClickException where the
    application did not start.
    """
    if interrupted():
        raise KeyboardInterrupt
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        timeout_worker_healthcheck=_WORKER_ANSWERS_SECONDS,
    )
    if workers > 1:
        supervisor = Multiprocess(config, sockets=[listener])
        supervisor.run()
        if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
            raise click.ClickException(_DID_NOT_START)
        return
    server = _Announcing(config, ready)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        raise click.ClickException(_DID_NOT_START) from None


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready()


def interrupted() -> bool:
    """Whether a signal has come since `ended_by_signals` began, wherever its exception fell."""
    return _INTERRUPTED.is_set()


@contextmanager
def ended_by_signals() -> Generator[None]:
    """SIGTERM and a closed terminal end the block like Ctrl-C, and after all three it just ends.

    Whatever goes on for ever inside must ask `interrupted` each time.
    """
    _INTERRUPTED.clear()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _INTERRUPTED.set()
        raise KeyboardInterrupt

    def terminate(_number: int, _frame: FrameType | None) -> None:
        os.kill(os.getpid(), signal.SIGTERM)  # to whoever handles that just now

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, interrupt)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as under nohup
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, terminate)
    tell_unraisable = sys.unraisablehook

    def tell(fallen: "sys.UnraisableHookArgs") -> None:
        if fallen.exc_type is not KeyboardInterrupt or not interrupted():
            tell_unraisable(fallen)

    sys.unraisablehook = tell
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        sys.unraisablehook = tell_unraisable
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def held_back() -> Generator[None]:
    """A signal is heard when the block is over, so that what it starts is known to whoever must stop it. The second one
    comes through at once.
    """
    heard: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        if heard:
            raise KeyboardInterrupt
        heard.append(number)

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if heard:
        raise KeyboardInterrupt


@contextmanager
def undisturbed() -> Generator[None]:
    """Signals wait outside: what is being stopped is stopped to the end."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _unbindable(error: OSError, host: str, port: int, other_port: str) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65_535 else port - 1  # noqa: PLR2004 - the highest port there is
        return f"Port {port} is taken on {host}: {other_port.format(port=other)}"
    if error.errno == errno.EACCES:
        return f"Port {port} may not be used by this account. Ports below 1024 are the system's; choose another."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine."
    return f"Port {port} on {host} cannot be used: {error.strerror}."
