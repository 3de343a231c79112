"""`demand-registry run`: the whole registry on a bare machine, for trying it and for small pilots."""

from contextlib import suppress
from datetime import UTC, datetime

import click

from registry.cli import environment, run_file, welcome
from registry.cli.embedded_start import embedded_postgres, first_keys, prepare
from registry.cli.failures import PlainCommand
from registry.cli.http_server import ended_by_signals, listening, serve
from registry.settings import Settings

_EXPORTED = ("mode", "database_url", "key_file", "log_key_file", "host", "port", "public_url", "log_level")


@click.command(
    "run",
    cls=PlainCommand,
    epilog="\b\n"
    "Examples:\n"
    "  demand-registry run\n"
    "  demand-registry run --port 8001\n"
    "  REGISTRY_DATA_DIR=/var/tmp/trial demand-registry run",
)
@click.option("--host", help="Address to listen on. Default: REGISTRY_HOST or 127.0.0.1.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Default: REGISTRY_PORT or 8000.")
def command(host: str | None, port: int | None) -> None:
    """Start PostgreSQL, make key file, demo organisations and keys on the first start, and serve the API.

    Everything lies in the data folder (REGISTRY_DATA_DIR, default ./data) and is kept between starts. It is a sandbox
    unless REGISTRY_MODE says otherwise. Ctrl-C stops all of it.
    """
    settings = _settings(host, port)
    with ended_by_signals():
        _run(settings)
    with suppress(OSError):  # the terminal may be gone
        click.echo("Stopped.")


def _run(settings: Settings) -> None:
    with listening(settings.host, settings.port, other_port=_other_port(settings)) as listener:
        first = not (settings.data_dir / "postgres").exists()
        click.echo(f"{'Making' if first else 'Starting'} PostgreSQL in {settings.data_dir.resolve()} ...")
        with embedded_postgres(settings.data_dir) as urls:
            ready = prepare(settings, urls)
            keys = first_keys(ready)
            environment.export(ready, *_EXPORTED)
            with run_file.written(ready.data_dir, mode=ready.mode, host=ready.host, port=ready.port) as running:
                url = running.url
                serve(ready, listener, ready=lambda: welcome.show(ready, url, keys, datetime.now(UTC)))


def _other_port(settings: Settings) -> str:
    """What to do where the port is taken."""
    running = run_file.read(settings.data_dir)
    if running is not None and running.alive and running.port == settings.port:
        return f"it is the registry on {settings.data_dir.resolve()}, which runs already (process {running.pid})."
    return (
        "stop what uses it, or choose another with `demand-registry run --port {port}`, "
        "or with make `REGISTRY_PORT={port} make run`."
    )


def _settings(host: str | None, port: int | None) -> Settings:
    settings = environment.given()
    if settings.database_url is not None:
        raise click.ClickException(
            "REGISTRY_DATABASE_URL is set, and `run` would not use it: it brings a PostgreSQL of its own. "
            "`demand-registry serve` runs on yours; unset the variable to try `run`."
        )
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings.model_copy(update=given)
    if settings.public_url is None:
        settings = settings.model_copy(update={"public_url": run_file.url_of(settings.host, settings.port)})
    if "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "warning"})  # a terminal, not a log file
    return settings
