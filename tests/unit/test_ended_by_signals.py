import os
import signal
import sys
from collections.abc import Callable

import pytest

from registry.cli.http_server import ended_by_signals, interrupted

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Disposed:
    """Calls back when it is disposed of, where Python can raise nothing to anybody."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback

    def __del__(self) -> None:
        self._callback()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException]]:
    """What Python tells of exceptions that it could raise to nobody."""
    found: list[type[BaseException]] = []

    def keep(fallen: "sys.UnraisableHookArgs") -> None:
        found.append(fallen.exc_type)

    monkeypatch.setattr(sys, "unraisablehook", keep)
    return found


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_ends_the_block_and_its_handlers_with_it(number: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in NUMBERS]
    steps = 0
    with ended_by_signals():
        assert not interrupted()
        os.kill(os.getpid(), number)
        for steps in range(1_000_000):  # noqa: B007 - a handler runs at one of the interpreter's next steps
            os.getpid()
    assert interrupted()
    assert steps < 999_999
    assert [signal.getsignal(one) for one in NUMBERS] == before


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_that_falls_into_a_callback_is_kept_and_nothing_is_printed_of_it(
    told: list[type[BaseException]], number: signal.Signals
) -> None:
    def signalled() -> None:
        os.kill(os.getpid(), number)
        for _ in range(1_000):
            os.getpid()

    hook = sys.unraisablehook
    passed = False
    with ended_by_signals():
        Disposed(signalled)
        passed = True
    assert passed
    assert interrupted()
    assert told == []
    assert sys.unraisablehook is hook


def test_other_exceptions_of_callbacks_are_told(told: list[type[BaseException]]) -> None:
    def fail() -> None:
        raise ValueError

    def break_off() -> None:
        raise KeyboardInterrupt

    with ended_by_signals():
        Disposed(fail)
        Disposed(break_off)
    assert told == [ValueError, KeyboardInterrupt]
