"""Settings: the only reader of the environment. Every name is `REGISTRY_` and the field's name in capitals.

No secret has a default, and a secret is named by the path of the file that holds it, so that a dump of the environment
shows none.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from registry.domain.confidential import Confidential
from registry.domain.credentials import Mode
from registry.domain.flood import DEFAULT_DECOY_CONTACTS, DEFAULT_NUMBER_CONTACTS

PREFIX = "REGISTRY_"
# A path is for a registry behind a prefix. Names and passwords, queries and fragments have no place in it.
_PUBLIC_URL = r"^https?://(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+)(:[0-9]{1,5})?(/[0-9A-Za-z._~/-]*)?$"


class SettingsError(Exception):
    """A setting is missing or unusable. The message names it and never shows its value."""


def _list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _with_port(url: str) -> str:
    if urlsplit(url).port == 0:  # which also raises ValueError for one that is too high
        raise ValueError("port 0")
    return url


class Settings(Confidential, BaseModel):
    """What a process of the registry needs to know. Immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    mode: Mode = Mode.LIVE
    database_url: SecretStr | None = Field(None, description="The application's login, a member of registry_app.")
    owner_database_url: SecretStr | None = Field(
        None, description="The schema's owner, for migrations and rekeying alone."
    )
    key_file: Path | None = None
    key_passphrase_file: Path | None = None
    log_key_file: Path | None = Field(
        None, description="The key that signs the audit log's checkpoints. A process that has it seals."
    )
    log_key_passphrase_file: Path | None = None
    data_dir: Path = Path("data")

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65_535)
    trusted_proxies: Annotated[list[str], BeforeValidator(_list)] = ["127.0.0.1", "::1"]
    public_url: Annotated[str, Field(pattern=_PUBLIC_URL), AfterValidator(_with_port)] | None = Field(
        None, description="What providers call, proxies included: their signatures cover it. Default: host and port."
    )
    metrics_networks: Annotated[list[IPv4Network | IPv6Network], BeforeValidator(_list)] = [
        IPv4Network("127.0.0.0/8"),
        IPv6Network("::1/128"),
    ]

    served_regions: Annotated[
        frozenset[Annotated[str, Field(pattern="^([A-Z]{2}|001)$")]], BeforeValidator(_list), Field(min_length=1)
    ] = frozenset({"US", "CA"})
    burn_in_days: int = Field(7, ge=0, le=365)
    retention_months: int = Field(24, ge=1, le=240)
    private_bucket_entries: int = Field(
        1_000_000, ge=1, description="A private set of more entries than this can also be fetched by buckets."
    )
    dispute_days: int = Field(30, ge=1, le=365)
    flood_number_contacts: int = Field(
        DEFAULT_NUMBER_CONTACTS,
        ge=0,
        le=1_000_000,
        description="A number with more contacts than this within an hour is held back, not listed; 0: none is.",
    )
    flood_decoy_contacts: int = Field(
        DEFAULT_DECOY_CONTACTS,
        ge=0,
        le=1_000_000_000,
        description="A decoy with more contacts in a day, and ten times its usual, is quarantined; 0: none is.",
    )
    guidance_url: str = "/guidance"

    requests_per_minute: int = Field(600, ge=1, le=1_000_000, description="For a new organisation.")
    numbers_per_day: int = Field(100_000, ge=0, le=1_000_000_000, description="For a new organisation.")
    failures_per_minute: int = Field(20, ge=1, le=100_000, description="Failed authentications per client address.")
    json_body_bytes: int = Field(1_048_576, ge=1_024)
    file_body_bytes: int = Field(268_435_456, ge=1_024)
    file_rows: int = Field(1_000_000, ge=1)
    spool_dir: Path | None = Field(None, description="Where uploads are spooled, unlinked; default: the system's.")

    pool_size: int = Field(12, ge=1, le=200, description="Database connections for transactions, per process.")
    pool_wait_seconds: float = Field(3.0, gt=0, le=60)
    signers: int | None = Field(
        None, ge=1, le=128, description="Signer processes of each API process, besides the one for few; default: cores."
    )
    statement_seconds: float = Field(30.0, gt=0, le=3_600)
    shutdown_seconds: int = Field(30, ge=1, le=600, description="How long requests may finish after a stop signal.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingsError for a name that does not exist (a typo would otherwise be silent) or a bad value."""
        given = {name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)}
        # Of the command line alone: the address and the key it speaks to the API with.
        given = {name: value for name, value in given.items() if name not in {"url", "api_key", "api_key_file"}}
        return cls.build(**given)

    @classmethod
    def build(cls, **values: Any) -> Self:
        """Settings from values; a bad one raises SettingsError with the environment's name for it."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            lines = [
                f"{PREFIX}{'_'.join(str(part) for part in item['loc'][:1]).upper()}: {item['msg']}"
                for item in error.errors(include_input=False, include_url=False)
            ]
            raise SettingsError("; ".join(lines)) from None

    def require(self, field: str) -> str:
        """The value of a setting that has no default. Raises SettingsError with its name."""
        value = getattr(self, field)
        if value is None:
            raise SettingsError(f"{PREFIX}{field.upper()} is not set, and it has no default.")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    @property
    def public_address(self) -> str:
        """The start of every address that is given to a provider, without a slash at its end."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def passphrase(self) -> str | None:
        """The key file's passphrase: the first line of its file; None where no file is named."""
        return _first_line(self.key_passphrase_file, "KEY_PASSPHRASE_FILE")

    def log_passphrase(self) -> str | None:
        """Likewise of the log key."""
        return _first_line(self.log_key_passphrase_file, "LOG_KEY_PASSPHRASE_FILE")


def _first_line(path: Path | None, name: str) -> str | None:
    if path is None:
        return None
    try:
        first = path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError):
        first = ""
    if not first.strip():
        raise SettingsError(f"{PREFIX}{name}: the file cannot be read, or its first line is empty.")
    return first
