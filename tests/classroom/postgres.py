"""A PostgreSQL server of one's own in a temporary folder, reached through a unix socket: no port, no system service."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOMES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)  # where Debian puts it, outside PATH


def find_binaries() -> Path | None:
    """The folder with initdb and pg_ctl, or None."""
    on_path = [Path(found).parent] if (found := shutil.which("initdb")) else []
    return next(
        (home for home in [*HOMES, *on_path] if (home / "initdb").exists() and (home / "pg_ctl").exists()), None
    )


@contextmanager
def postgres(binaries: Path) -> Iterator[str]:
    """Run a server and yield a database URL for it, of an empty database. The server refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: the path of a socket has at most 107 characters
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    shutil.chown(folder, user)

    def run(program: str, *args: str) -> None:
        result = subprocess.run(
            [binaries / program, *args],
            cwd=folder,
            capture_output=True,
            text=True,
            user=user,
            env={"LC_ALL": "C.UTF-8"},
        )
        assert result.returncode == 0, f"{program}:\n{result.stdout}\n{result.stderr}"

    data, log = folder / "data", folder / "log"
    run("initdb", "-D", str(data), "-U", "grader", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    run("pg_ctl", "-D", str(data), "-l", str(log), "-w", "-o", options, "start")
    try:
        yield f"postgresql+psycopg://grader@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)
