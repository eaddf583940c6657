"""The folder and configuration of podman."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.engines.podman.factory import PODMAN
from builder.engines.podman.storage import Home, Limits, mounts_below


def test_configuration_is_toml_and_stays_in_the_folder() -> None:
    home = Home(state=Path("/w/build/podman"), limits=Limits(files=1024, processes=4096))
    containers = tomllib.loads(home.files()["containers.conf"])
    storage = tomllib.loads(home.files()["storage.conf"])
    assert containers["containers"]["default_ulimits"] == ["nofile=1024:1024", "nproc=4096:4096"]
    assert containers["engine"]["runtime"] == "runc"
    places = [storage["storage"]["graphroot"], storage["storage"]["runroot"]]
    places += [containers["network"]["network_config_dir"]]
    engine = containers["engine"]
    places += [engine[key] for key in ("tmp_dir", "static_dir", "volume_path")]
    assert all(place.startswith("/w/build/podman/") for place in places)
    assert all(value.startswith("/w/build/podman/") for value in home.environment().values())


def test_usual_limits_are_left_alone() -> None:
    assert "default_ulimits" not in Home(state=Path("/s")).files()["containers.conf"]


def test_preparing_twice_changes_nothing(tmp_path: Path) -> None:
    home = Home(state=tmp_path / "podman")
    home.prepare()
    before = {file: file.stat().st_mtime_ns for file in home.state.iterdir()}
    home.prepare()
    assert {file: file.stat().st_mtime_ns for file in home.state.iterdir()} == before


def test_a_restart_of_the_machine_drops_what_ran(tmp_path: Path) -> None:
    home = Home(state=tmp_path)
    home.prepare()
    for name in ("run", "libpod", "storage"):
        (tmp_path / name).mkdir()
    origin = tmp_path / "origin.json"
    origin.write_text(json.dumps({**json.loads(origin.read_text()), "boot": "another"}))
    home.prepare()
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "libpod").exists()
    assert (tmp_path / "storage").exists()


def test_a_moved_folder_begins_anew(tmp_path: Path) -> None:
    Home(state=tmp_path / "old").prepare()
    (tmp_path / "old" / "storage").mkdir()
    (tmp_path / "old").rename(tmp_path / "new")
    Home(state=tmp_path / "new").prepare()
    assert not (tmp_path / "new" / "storage").exists()


def test_mounts_below_a_folder() -> None:
    mounts = (
        "proc /proc proc rw 0 0\n"
        "overlay /w/a\\040b/x overlay rw 0 0\n"
        "shm /w/a\\040b/x/y tmpfs rw 0 0\n"
        "shm /w/a\\040bc tmpfs rw 0 0\n"
    )
    assert mounts_below(Path("/w/a b"), mounts) == ("/w/a b/x/y", "/w/a b/x")


def test_a_deep_checkout_has_a_short_run_root(tmp_path: Path) -> None:
    home = Home(state=tmp_path / ("deep" * 12), short=True)
    try:
        home.prepare()
        assert len(str(home.run_root)) <= 50
        assert home.run_root.stat().st_mode & 0o777 == 0o700
        assert f'runroot = "{home.run_root}"' in home.files()["storage.conf"]
        home.prepare()
        home.run_root.rmdir()
        home.run_root.symlink_to(tmp_path)
        assert home.outside == ()
        with pytest.raises(StepError, match="belongs to another user"):
            home.prepare()
    finally:
        home.run_root.unlink(missing_ok=True)


def test_a_run_root_that_is_short_stays_where_it_is() -> None:
    home = Home(state=Path("/a"), short=True)
    assert home.run_root == Path("/a/run")
    assert home.outside == ()


def test_a_folder_is_removed_with_its_run_root(tmp_path: Path) -> None:
    home = Home(state=tmp_path / ("deep" * 12), short=True)
    home.prepare()
    assert home.run_root.is_dir()
    PODMAN.remove_state(home.state)
    assert not home.run_root.exists()
    assert not home.state.exists()
    PODMAN.remove_state(home.state)
