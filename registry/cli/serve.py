"""`demand-registry serve`: the API in production, on a PostgreSQL and a key file that are there already."""

import os
import tempfile
from contextlib import ExitStack

import click

from registry.cli import environment
from registry.cli.failures import PlainCommand
from registry.cli.http_server import ended_by_signals, listening, serve
from registry.operations.assembly import check_start


@click.command(
    "serve",
    cls=PlainCommand,
    epilog="Logs are JSON lines on standard error. SIGTERM lets requests finish (REGISTRY_SHUTDOWN_SECONDS), and "
    "SIGHUP replaces several workers one by one.\n\n"
    "\b\n"
    "Example:\n"
    "  REGISTRY_DATABASE_URL=postgresql+psycopg://registry_api@db/registry \\\n"
    "  REGISTRY_KEY_FILE=/etc/demand-registry/keys.json \\\n"
    "  demand-registry serve --workers 4",
)
@click.option("--host", help="Address to listen on. Default: REGISTRY_HOST or 127.0.0.1.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Default: REGISTRY_PORT or 8000.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
def command(host: str | None, port: int | None, workers: int) -> None:
    """Serve the API. Database, schema, key file and passphrase are checked before the port is opened.

    Needs REGISTRY_DATABASE_URL and REGISTRY_KEY_FILE, and for a sealed file REGISTRY_KEY_PASSPHRASE_FILE.
    """
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = environment.given().model_copy(update=given)
    settings.require("database_url")
    settings.require("key_file")
    check_start(settings)
    other = "stop what uses it, or choose another with `demand-registry serve --port {port}` or REGISTRY_PORT."
    with ended_by_signals(), ExitStack() as held:
        listener = held.enter_context(listening(settings.host, settings.port, other_port=other))
        if workers > 1:
            folder = held.enter_context(tempfile.TemporaryDirectory(prefix="registry-metrics-"))
            environment.export_metrics_folder(folder)
        if settings.signers is None:
            # The workers share the cores, and so do their signers.
            settings = settings.model_copy(update={"signers": max(1, (os.cpu_count() or 1) // workers)})
        environment.export(settings, "host", "port", "signers")
        serve(settings, listener, workers=workers)
