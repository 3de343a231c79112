import pickle
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

from registry.domain.credentials import Mode
from registry.settings import PREFIX, Settings, SettingsError

URL = "postgresql+psycopg://registry_api:correct-horse@db.example/registry"
BAD = "tR0ub4dor&3"

# Texts that any value fits into.
_FREE = {
    *("database_url", "owner_database_url", "key_file", "key_passphrase_file", "data_dir", "host"),
    *("log_key_file", "log_key_passphrase_file"),
    *("trusted_proxies", "served_regions", "guidance_url", "spool_dir"),
}


def test_an_empty_environment_is_a_live_registry_on_this_machine_alone() -> None:
    settings = Settings.from_environment({})
    assert settings.mode is Mode.LIVE
    assert settings.host == "127.0.0.1"
    assert settings.served_regions == {"US", "CA"}
    assert settings == Settings.build()


def test_no_secret_has_a_default() -> None:
    settings = Settings.from_environment({})
    assert settings.database_url is None
    assert settings.owner_database_url is None
    assert settings.key_file is None
    assert settings.passphrase() is None
    assert settings.log_key_file is None
    assert settings.log_passphrase() is None


def test_every_setting_is_read_from_its_name_in_capitals() -> None:
    settings = Settings.from_environment(
        {
            "REGISTRY_MODE": "sandbox",
            "REGISTRY_DATABASE_URL": URL,
            "REGISTRY_PORT": "9000",
            "REGISTRY_SERVED_REGIONS": "US, GB,",
            "REGISTRY_TRUSTED_PROXIES": "10.0.0.1,10.0.0.2",
            "REGISTRY_METRICS_NETWORKS": "10.0.0.0/8, fd00::/8",
            "REGISTRY_DATA_DIR": "/srv/registry",
            "REGISTRY_LOG_KEY_FILE": "/srv/log-key.json",
            "REGISTRY_LOG_KEY_PASSPHRASE_FILE": "/run/secrets/log",
            "REGISTRY_POOL_WAIT_SECONDS": "0.5",
        }
    )
    assert settings.mode is Mode.SANDBOX
    assert settings.require("database_url") == URL
    assert settings.port == 9000
    assert settings.served_regions == {"US", "GB"}
    assert settings.trusted_proxies == ["10.0.0.1", "10.0.0.2"]
    assert settings.metrics_networks == [IPv4Network("10.0.0.0/8"), IPv6Network("fd00::/8")]
    assert settings.data_dir == Path("/srv/registry")
    assert settings.log_key_file == Path("/srv/log-key.json")
    assert settings.log_key_passphrase_file == Path("/run/secrets/log")
    assert settings.pool_wait_seconds == 0.5


def test_names_of_others_are_left_alone() -> None:
    assert Settings.from_environment({"PATH": "/bin", "MY_REGISTRY_MODE": "x", "PGPASSWORD": "x"}) == Settings.build()


@pytest.mark.parametrize("name", ["REGISTRY_URL", "REGISTRY_API_KEY", "REGISTRY_API_KEY_FILE"])
def test_names_of_the_command_line_are_not_the_servers(name: str) -> None:
    assert Settings.from_environment({name: "x"}) == Settings.build()


@pytest.mark.parametrize("name", ["REGISTRY_DATABSE_URL", "REGISTRY_", "REGISTRY_KEY_PASSPHRASE"])
def test_an_unknown_name_is_refused(name: str) -> None:
    """A typo would otherwise leave a default standing, or a secret in the environment, without a word."""
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({name: BAD})
    assert name in str(raised.value)
    assert BAD not in f"{raised.value!s}{raised.value!r}"


@pytest.mark.parametrize("field", sorted(set(Settings.model_fields) - _FREE))
def test_a_bad_value_is_refused_by_its_name_and_never_shown(field: str) -> None:
    name = f"{PREFIX}{field.upper()}"
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({name: BAD})
    assert str(raised.value).startswith(f"{name}: ")
    assert BAD not in f"{raised.value!s}{raised.value!r}"
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGISTRY_PORT", "0"),
        ("REGISTRY_PORT", "65536"),
        ("REGISTRY_BURN_IN_DAYS", "-1"),
        ("REGISTRY_RETENTION_MONTHS", "0"),
        ("REGISTRY_JSON_BODY_BYTES", "1023"),
        ("REGISTRY_POOL_WAIT_SECONDS", "0"),
        ("REGISTRY_LOG_LEVEL", "DEBUG"),
        ("REGISTRY_MODE", "LIVE"),
    ],
)
def test_a_value_outside_of_its_bounds_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        Settings.from_environment({name: value})


def test_every_bad_value_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({"REGISTRY_PORT": BAD, "REGISTRY_MODE": BAD, "REGISTRY_DATABASE_URL": URL})
    assert "REGISTRY_PORT: " in str(raised.value)
    assert "REGISTRY_MODE: " in str(raised.value)
    assert "correct-horse" not in str(raised.value)


@pytest.mark.parametrize(
    "field", ["database_url", "owner_database_url", "key_file", "key_passphrase_file", "log_key_file"]
)
def test_a_missing_setting_is_asked_for_by_its_name(field: str) -> None:
    with pytest.raises(SettingsError, match=f"^{PREFIX}{field.upper()} is not set, and it has no default"):
        Settings.build().require(field)


def test_a_required_path_comes_as_text() -> None:
    assert Settings.build(key_file="/etc/registry/keys").require("key_file") == "/etc/registry/keys"


def test_settings_show_no_secret_and_cannot_be_pickled() -> None:
    settings = Settings.build(database_url=URL, owner_database_url=URL)
    shown = f"{settings}{settings!r}{settings.model_dump()}{settings.model_dump_json()}"
    assert "correct-horse" not in shown
    with pytest.raises(TypeError, match="not to be serialised"):
        pickle.dumps(settings)


def test_settings_cannot_be_changed() -> None:
    settings = Settings.build()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_a_passphrase_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    """Each key's own: whoever has one file's passphrase has not the other's."""
    keys, log = tmp_path / "passphrase", tmp_path / "log-passphrase"
    keys.write_text("correct horse \nbattery staple\n", encoding="utf-8")
    log.write_text("another horse\r\n", encoding="utf-8")
    settings = Settings.build(key_passphrase_file=keys, log_key_passphrase_file=log)
    assert settings.passphrase() == "correct horse "
    assert settings.log_passphrase() == "another horse"
    assert Settings.build(key_passphrase_file=keys).log_passphrase() is None


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe secret"])
def test_a_passphrase_file_that_says_nothing_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "passphrase"
    if content is not None:
        file.write_bytes(content)
    settings = Settings.build(key_passphrase_file=file, log_key_passphrase_file=file)
    for name, ask in (("KEY", settings.passphrase), ("LOG_KEY", settings.log_passphrase)):
        with pytest.raises(SettingsError, match=rf"^REGISTRY_{name}_PASSPHRASE_FILE: ") as raised:
            ask()
        assert "secret" not in str(raised.value)
