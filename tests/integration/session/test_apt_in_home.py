"""Packages of Debian in the home directory: really unpacked, with stand-ins for apt and proot."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

FILES = Path(__file__).parents[3] / "images" / "base" / "files"
# What fetches: the packages asked for, made beforehand. `update` leaves a list.
APT = """\
#!/bin/bash
place=$HOME/.local/apt
echo "${@: -4}" >> "$HOME/asked"
case " $* " in
  *" update "*) touch "$place/lists/a_Packages" ;;
  *" gone "*) echo "E: Unable to locate package gone" >&2; exit 100 ;;
  *) for name; do cp "$HOME/debs/$name.deb" "$place/cache/archives" 2> /dev/null; done; true ;;
esac
"""
PROOT = """\
#!/bin/bash
[[ -e $HOME/no-trace ]] && exit 1
for word; do
  case $word in
    --bind=*) echo "$word" >> "$HOME/binds"; shift ;;
    --*) shift ;;
    *) break ;;
  esac
done
[[ ! -e $HOME/.local/apt/root$1 ]] || set -- "$HOME/.local/apt/root$1" "${@:2}"
exec "$@"
"""


def package(home: Path, name: str, files: dict[str, str]) -> None:
    """Make a package in the folder from which the stand-in fetches."""
    folder = home / "made" / name
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    control = folder / "DEBIAN" / "control"
    control.parent.mkdir()
    control.write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: a\nDescription: b\n"
    )
    (home / "debs").mkdir(exist_ok=True)
    command = ["dpkg-deb", "--root-owner-group", "--build", folder, home / "debs" / f"{name}.deb"]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory in a folder of an odd name, and packages that may be fetched."""
    home = tmp_path / "it's a home"
    home.mkdir()
    (home / "apt-get").write_text(APT)
    (home / "apt-get").chmod(0o755)
    program = (FILES / "onyxia" / "apt-in-home").read_text()
    assert program.count("/usr/bin/apt-get") == 1
    program = program.replace("/usr/bin/apt-get", '"$HOME/apt-get"')
    (home / "apt-in-home").write_text(program)
    package(home, "proot", {"usr/bin/proot": PROOT})
    package(
        home, "course",
        {
            "usr/bin/course-probe": '#!/bin/sh\necho probed "$@"\n',
            "usr/share/course-probe/data": "data",
            "usr/share/doc/course/copyright": "free",
            "usr/lib/systemd/system/course.service": "",
        },
    )  # fmt: skip
    package(home, "bash", {"usr/bin/another-bash": "#!/bin/sh\n"})
    return home


def called(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What comes of a call."""
    environment = {"PATH": f"{os.environ['PATH']}:{home}/.local/bin", "HOME": str(home)}
    return subprocess.run(
        words, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_program_of_a_package_runs_at_once(home: Path) -> None:
    done = called(home, "bash", str(home / "apt-in-home"), "-qq", "install", "-y", "course")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "Unpacked into ~/.local/apt, as this session has no root: 2 packages."
        " None of their scripts ran.",
        "Not started: the services of course.",
    ]
    assert called(home, "course-probe", "a b").stdout == "probed a b\n"
    assert called(home, "apt-run", "/usr/bin/course-probe").stdout == "probed\n"
    root = home / ".local/apt/root"
    binds = set((home / "binds").read_text().splitlines())
    assert f"--bind={root}/usr/share/course-probe:/usr/share/course-probe" in binds
    assert not any(":/usr/share/doc" in bind for bind in binds)
    # A second package comes beside the first.
    package(home, "more", {"usr/bin/more-probe": "#!/bin/sh\necho more\n"})
    called(home, "bash", str(home / "apt-in-home"), "install", str(home / "debs/more.deb"))
    assert called(home, "more-probe").stdout == "more\n"
    assert called(home, "course-probe").stdout == "probed\n"
    assert (home / ".local/apt/installed").read_text().count("Status: install ok installed") >= 3


def test_what_the_image_has_stays_as_it_is(home: Path) -> None:
    """apt may choose a newer version of what the image has."""
    done = called(home, "bash", str(home / "apt-in-home"), "install", "bash", "course")
    assert done.returncode == 0, done.stderr
    assert not (home / ".local/apt/root/usr/bin/another-bash").exists()


def test_a_package_that_there_is_not_ends_as_apt_ends(home: Path) -> None:
    done = called(home, "bash", str(home / "apt-in-home"), "install", "gone")
    assert (done.returncode, done.stderr) == (100, "E: Unable to locate package gone\n")


def test_where_no_process_may_trace_another_it_is_said(home: Path) -> None:
    (home / "no-trace").touch()
    done = called(home, "bash", str(home / "apt-in-home"), "install", "course")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no process may trace another here" in done.stderr
