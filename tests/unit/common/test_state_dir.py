"""The names in the folder of what is derived."""

from __future__ import annotations

import os
from pathlib import Path

from builder.common.state_dir import StateDir


def test_it_is_a_path_by_itself() -> None:
    state = StateDir.of(Path("/catalog"))
    assert (os.fspath(state), str(state)) == ("/catalog/build", "/catalog/build")


def test_a_log_is_named_as_its_step() -> None:
    log = StateDir(Path("build")).log("build:desk/os=2,lang=1.9@linux/amd64")
    assert log == Path("build/logs/build-desk_os=2,lang=1.9@linux_amd64.log")


def test_names_are_of_different_files() -> None:
    state = StateDir(Path("build"))
    names = [
        name
        for name, it in vars(StateDir).items()
        if isinstance(it, property) and name not in ("entries", "_work")
    ]
    paths = {name: getattr(state, name) for name in names}
    assert len(paths) > 15
    assert len(set(paths.values())) == len(paths)
    assert all(path.is_relative_to("build") for path in paths.values())


def test_what_costs_a_download_or_was_published_is_kept(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "build")
    assert state.entries == ()
    for name in ("tools", "work", "registry", "charts", "toolroot", "podman", "mine"):
        (state.root / name).mkdir(parents=True)
    outside = tmp_path / "registry"
    assert [path.name for path in state.removable((*state.entries, outside))] == [
        "mine", "podman", "work", "registry",
    ]  # fmt: skip
