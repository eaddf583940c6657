"""A home on a volume of another kind: one that keeps no modes, or knows no links."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.session.host import PATH, SCRIPT, Ended, Host
from tests.integration.starter import ROOT
from tests.skips import NO_FUSE

S3 = {
    "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_S3_ENDPOINT": "s3.example",
}  # fmt: skip
DUCKDB = """#!/bin/sh
# As DuckDB does it: a file for its user alone.
cat > /dev/null
umask 077
mkdir -p "$HOME/.duckdb/stored_secrets"
: > "$HOME/.duckdb/stored_secrets/onyxia_s3.duckdb_secret"
"""


@pytest.fixture
def without_modes(machine: Host) -> Iterator[Host]:
    """A home where every file is everybody's, as on SMB."""
    if not Path("/dev/fuse").exists():
        pytest.skip(NO_FUSE)
    if shutil.which("bindfs") is None:
        pytest.skip("bindfs is not installed: apt-get install bindfs")
    volume = machine.folder / "volume"
    volume.mkdir()
    machine.home.mkdir()
    argv = ["bindfs", "--chmod-ignore", "--perms=0777", str(volume), str(machine.home)]
    subprocess.run(argv, check=True, timeout=20)
    yield machine
    subprocess.run(["umount", str(machine.home)], check=True, timeout=20)


def test_a_home_that_is_full_is_said(machine: Host) -> None:
    machine.home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(machine.home)]
    subprocess.run(mount, check=True, timeout=20)
    try:
        with contextlib.suppress(OSError):
            (machine.home / "data").write_bytes(b"x" * 70_000)
        assert machine.start().steps["home"] == (
            f"done ({machine.home}; but it is full; but .bashrc cannot be written;"
            " but .profile cannot be written)"
        )
        left = sorted(path.name for path in machine.home.iterdir())
        assert left == [".cache", ".config", ".local", ".ssh", "data", "work"]
    finally:
        subprocess.run(["umount", str(machine.home)], check=True, timeout=20)


def test_git_works_on_a_project_of_another_uid(machine: Host, repositories: Path) -> None:
    """As on a volume that has one owner, or after a session with another uid."""
    given = {"GIT_REPOSITORY": f"{repositories}/project.git"}
    project = machine.work / "project"
    machine.start(**given)
    for path in (project, *project.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    for _ in range(2):
        ended = machine.start("git", "-C", str(project), "status", "--short", **given)
        assert ended.status == 0, ended.log
        assert ended.steps["git clone"] == f"skipped ({project} is already there)"
    config = (machine.home / ".gitconfig").read_text()
    assert config.count(f"directory = {project}") == 1


def test_what_pip_and_uv_install_goes_home_where_the_root_is_read_only(machine: Host) -> None:
    python = machine.folder / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", python], check=True, timeout=60)
    given = {"VIRTUAL_ENV": str(python)}
    ended = machine.start("env", "--null", **given)
    assert ended.steps["Python"] == f"skipped ({python} can be written)"
    mount = ["mount", "--bind", str(python), str(python)]
    subprocess.run(mount, check=True, timeout=20)
    try:
        argv = ["mount", "-o", "remount,ro,bind", str(python)]
        subprocess.run(argv, check=True, timeout=20)
        ended = machine.start("env", "--null", **given)
    finally:
        subprocess.run(["umount", str(python)], check=True, timeout=20)
    local = machine.home / ".local"
    assert ended.steps["Python"] == f"done ({local})"
    assert ended.environment["PIP_PREFIX"] == str(local)
    assert ended.environment["PATH"].startswith(f"{local}/bin:")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    assert ended.environment["PYTHONPATH"] == str(local / "lib" / version / "site-packages")
    settings = Path(ended.environment["UV_CONFIG_FILE"]).read_text()
    assert tomllib.loads(settings) == {"pip": {"prefix": str(local)}}


def with_duckdb(machine: Host) -> dict[str, str]:
    """A session with a stand-in for DuckDB."""
    program = machine.folder / "bin" / "duckdb"
    program.parent.mkdir()
    program.write_text(DUCKDB)
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{PATH}", **S3}


def test_a_home_that_keeps_no_modes_is_said(without_modes: Host) -> None:
    home = without_modes.home
    assert without_modes.start().steps["home"] == (
        f"done ({home}; it keeps no modes: what asks for private files refuses those there)"
    )
    # What was tried is gone.
    assert not list(home.glob(".onyxia*"))


def test_duckdb_keeps_no_secret_that_it_would_refuse(without_modes: Host) -> None:
    ended = without_modes.start(**with_duckdb(without_modes))
    home, file = without_modes.home, without_modes.session / "duckdb.sql"
    assert ended.steps["DuckDB"] == (
        f"failed ({home} keeps no modes, so that DuckDB would refuse a secret there; "
        f"{file} makes one by hand)"
    )
    assert not list(home.rglob("*.duckdb_secret"))


def test_duckdb_keeps_its_secret_elsewhere(machine: Host) -> None:
    ended = machine.start(**with_duckdb(machine))
    assert ended.steps["DuckDB"] == "done"
    assert [path.name for path in machine.home.rglob("*.duckdb_secret")] == [
        "onyxia_s3.duckdb_secret"
    ]


def jupyter(machine: Host, **given: str) -> Ended:
    """A session with the hook of JupyterLab, to the end of `env --null`."""
    shutil.copytree(SCRIPT.parent, machine.folder / "opt")
    hooks = machine.folder / "opt" / "onyxia" / "init.d"
    hooks.mkdir()
    shutil.copy(ROOT / "images/jupyter/files/jupyter.sh", hooks)
    machine.home.mkdir(exist_ok=True)
    script = str(machine.folder / "opt" / SCRIPT.name)
    done = machine.run([script, "env", "--null"], machine.environment(given))
    return Ended(status=done.returncode, out=done.stdout, log=done.stderr.decode())


def test_keys_of_jupyter_are_on_no_volume(machine: Host) -> None:
    ended = jupyter(machine)
    runtime = machine.session / "jupyter"
    assert ended.steps["Jupyter's runtime"] == f"done ({runtime})"
    assert ended.environment["JUPYTER_RUNTIME_DIR"] == str(runtime)
    assert machine.session.stat().st_mode & 0o777 == 0o700


def test_a_runtime_folder_of_the_user_s_stays(machine: Host) -> None:
    ended = jupyter(machine, JUPYTER_RUNTIME_DIR="/my/run")
    assert ended.steps["Jupyter's runtime"] == "skipped (JUPYTER_RUNTIME_DIR is set)"
    assert ended.environment["JUPYTER_RUNTIME_DIR"] == "/my/run"


POSTGRESQL = ROOT / "images/postgresql/files/start.sh"


def start_postgresql(machine: Host, data: Path) -> tuple[int, str]:
    """Start the server as a user without rights, with a stand-in for its version."""
    program = machine.folder / "bin" / "postgres"
    program.parent.mkdir(exist_ok=True)
    program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 17.2'\n")
    program.chmod(0o755)
    for folder in (machine.folder, *machine.folder.parents):
        if folder.name.startswith(("pytest-", "popen-", "test_")):  # which are its user's
            folder.chmod(0o755)
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", str(POSTGRESQL)]
    given = {
        "PATH": f"{program.parent}:{PATH}", "PGDATA": str(data), "PASSWORD": "x",
        "SERVICE_LIBRARY": str(ROOT / "images/_service/service.sh"),
    }  # fmt: skip
    done = machine.run(argv, given)
    return done.returncode, done.stderr.decode()


def test_postgresql_on_a_volume_of_somebody_else(machine: Host) -> None:
    (machine.folder / "data").mkdir(mode=0o755)
    assert start_postgresql(machine, machine.folder / "data" / "pgdata") == (
        1,
        f"start: {machine.folder}/data cannot be written by uid 65534: give the volume to it, or "
        "to its group\n",
    )


def test_postgresql_on_data_of_somebody_else(machine: Host) -> None:
    data = machine.folder / "data" / "pgdata"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("17\n")
    data.parent.chmod(0o777)
    assert start_postgresql(machine, data) == (
        1, f"start: {data} belongs to uid 0, and this is uid 65534: run it as that one\n",
    )  # fmt: skip


def test_postgresql_on_a_volume_that_keeps_no_modes(without_modes: Host) -> None:
    subprocess.run(["umount", str(without_modes.home)], check=True, timeout=20)
    argv = ["bindfs", "--chmod-ignore", "--perms=0777", "-o", "allow_other",
            str(without_modes.folder / "volume"), str(without_modes.home)]  # fmt: skip
    (without_modes.folder / "volume").chmod(0o777)
    subprocess.run(argv, check=True, timeout=20)
    data = without_modes.home / "pgdata"
    assert start_postgresql(without_modes, data) == (
        1,
        f"start: the volume of {data} keeps no modes (0777 where 0700 was asked for), and "
        "PostgreSQL refuses data that others may read: use a volume of another kind\n",
    )


VSCODE = ROOT / "images/vscode/files/code-server.sh"


@pytest.mark.parametrize(
    ("words", "given", "wanted"),
    [
        (["--port=1"], {"ONYXIA_SESSION": "/s"},
         ["--session-socket=/s/code-server.sock", "/p", "--port=1"]),
        (["--port=1"], {}, ["/p", "--port=1"]),
        (["--port=1", "--session-socket=/mine"], {"ONYXIA_SESSION": "/s"},
         ["/p", "--port=1", "--session-socket=/mine"]),
        (["a file"], {"ONYXIA_SESSION": "/s"}, ["a file"]),
        (["--port=1"], {"GIT_TRUST_PROJECT": "True"},
         ["--disable-workspace-trust", "/p", "--port=1"]),
        (["--port=1"], {"GIT_TRUST_PROJECT": "false"}, ["/p", "--port=1"]),
    ],
)  # fmt: skip
def test_what_code_server_is_told(
    machine: Host, words: list[str], given: dict[str, str], wanted: list[str]
) -> None:
    program = machine.folder / "program"
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    program.chmod(0o755)
    script = machine.folder / "code-server"
    script.write_text(VSCODE.read_text().replace("/opt/code-server/bin/code-server", str(program)))
    given = {"PATH": PATH, "PASSWORD": "x", "ONYXIA_PROJECT_DIRECTORY": "/p", **given}
    done = machine.run(["sh", str(script), *words], given)
    assert done.stdout.decode().splitlines() == wanted
