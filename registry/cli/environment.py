"""The settings of one invocation, and the environment that a server started here reads its own from.

The only module of the command line that touches os.environ for settings, and it leaves reading them to `Settings`.
"""

import os
from typing import Any, Final

from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from registry.cli import run_file
from registry.db.embedded import running_urls
from registry.domain.credentials import Mode
from registry.settings import PREFIX, Settings, SettingsError

KEY_FILE: Final = "keys.json"
"""In the data folder: the key file of the embedded start."""
LOG_KEY_FILE: Final = "log-key.json"
"""In the data folder: the key of its audit log."""
_DRIVERS: Final = frozenset({"postgresql", "postgresql+psycopg"})


def given() -> Settings:
    """What REGISTRY_* says and nothing else. Raises SettingsError."""
    settings = Settings.from_environment(os.environ)
    for name in ("database_url", "owner_database_url"):
        url: SecretStr | None = getattr(settings, name)
        if url is not None and not _is_postgresql(url.get_secret_value()):
            raise SettingsError(f"{PREFIX}{name.upper()} is written postgresql+psycopg://LOGIN@HOST/DATABASE.")
    return settings


def resolve() -> Settings:
    """What REGISTRY_* says; where it names no database and `demand-registry run` runs on the data folder, that one's.

    Raises SettingsError, and EmbeddedError where the data folder belongs to another account.
    """
    settings = given()
    if settings.database_url is not None:
        return settings
    urls = running_urls(settings.data_dir)
    if urls is None:
        return settings
    found: dict[str, Any] = {"database_url": SecretStr(urls.app), "mode": _mode(settings)}
    if settings.owner_database_url is None:
        found["owner_database_url"] = SecretStr(urls.owner)
    if settings.key_file is None:
        found["key_file"] = settings.data_dir / KEY_FILE
    if settings.log_key_file is None:
        found["log_key_file"] = settings.data_dir / LOG_KEY_FILE
    return settings.model_copy(update=found)


def require_database(settings: Settings) -> None:
    """Raises SettingsError where there is neither a named database nor a running one."""
    if settings.database_url is None:
        raise SettingsError(
            f"{PREFIX}DATABASE_URL is not set, and no `demand-registry run` runs on {settings.data_dir.resolve()}. "
            f"Set it, start `run` first, or go to the folder where it was started (or set {PREFIX}DATA_DIR)."
        )


def embedded_mode(settings: Settings) -> Mode:
    """The embedded start is a sandbox unless it is told otherwise."""
    return settings.mode if "mode" in settings.model_fields_set else Mode.SANDBOX


def export(settings: Settings, *names: str) -> None:
    """Puts these settings where a server started by this process, and its workers, read them.

    The owner's login is taken away: what answers requests has no business with it.
    """
    for name in names:
        value = getattr(settings, name)
        os.environ[f"{PREFIX}{name.upper()}"] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    os.environ.pop(f"{PREFIX}OWNER_DATABASE_URL", None)


def export_metrics_folder(folder: str) -> None:
    """Where the workers' counters are put together. It must be set before prometheus_client is imported."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def _is_postgresql(url: str) -> bool:
    try:
        return make_url(url).drivername in _DRIVERS
    except (ArgumentError, ValueError):  # a ValueError quotes what should have been the port
        return False


def _mode(settings: Settings) -> Mode:
    """That of the process that runs, or last ran, on the data folder: keys of another mode would be nothing to it."""
    running = run_file.read(settings.data_dir)
    if running is not None and running.mode in set(Mode):
        return Mode(running.mode)
    return embedded_mode(settings)
