"""The table of engines, and which of them a run uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.common.errors import ConfigError, ToolError
from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.engines.docker import Docker
from builder.engines.interfaces import EngineFactory
from builder.engines.podman.engine import Podman
from builder.engines.table import (
    AUTO,
    ENGINES,
    choose,
    chosen_name,
    engine_of,
    factories,
    rebuilding_name,
)
from tests.fakes.packages import install, see

ACME = """
from tests.fakes.engine import FakeEngine

class Factory:
    keeps_elsewhere = "it keeps what it built"
    packages = {}
    def is_ready(self, runner): return True
    def make(self, runner, state): return FakeEngine(salt=str(state))
    def findings(self, runner): return ()
    def has_built(self, config): return config.get("author") == "acme"
    def outside(self, state): return ()
    def remove_state(self, state): pass

ACME = Factory()
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An engine that an installed package adds."""
    entry = "[catalog_builder.engines]\nacme = acme_engine:ACME\n"
    see(monkeypatch, install(tmp_path / "site", "acme-engine", entry, {"acme_engine.py": ACME}))
    return "acme"


@pytest.mark.parametrize("name", ENGINES.built_in)
def test_what_is_built_in_is_what_the_table_needs(name: str) -> None:
    factory: EngineFactory = ENGINES.get(name)
    members = {item for item in dir(EngineFactory) if not item.startswith("_")}
    assert members | {"keeps_elsewhere", "packages"} <= set(dir(factory))
    assert all(packages for packages in factory.packages.values())


def test_no_daemon_no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert chosen_name(AUTO, Runner()) == "podman"
    assert chosen_name("docker", Runner()) == "docker"


def test_an_added_engine_is_made_with_a_folder_of_its_name(acme: str, tmp_path: Path) -> None:
    engine = choose(acme, Runner(), StateDir(tmp_path / "build"))
    assert engine.name == "fake"
    assert getattr(engine, "salt") == str(tmp_path / "build" / "acme")  # noqa: B009 - a fake's own


def test_auto_is_never_an_added_engine(acme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert acme in ENGINES.names()
    assert [name for name, _ in factories()] == list(ENGINES.built_in)
    assert [name for name, _ in factories(acme)] == [acme, *ENGINES.built_in]


def test_an_engine_that_nobody_has() -> None:
    with pytest.raises(ConfigError) as caught:
        choose("podmann", Runner(), StateDir(Path("build")))
    assert str(caught.value) == (
        "no engine is called 'podmann'\n  hint: did you mean podman? known: docker, podman"
    )


def test_which_engine_builds_again(acme: str) -> None:
    assert rebuilding_name(AUTO) == "podman"
    assert rebuilding_name("podman") == "podman"
    for name, reason in (("docker", "a Docker daemon keeps"), (acme, "it keeps")):
        with pytest.raises(ToolError) as caught:
            rebuilding_name(name)
        assert str(caught.value) == (
            f"{reason} what it built: use podman\n  hint: leave out --engine {name}"
        )


def test_the_history_tells_the_engine(acme: str) -> None:
    built = {"history": [{"comment": "x"}, {"comment": "buildkit.dockerfile.v0"}]}
    assert engine_of(built) == "docker"
    assert engine_of({"history": [*built["history"], {"created_by": "RUN"}]}) == "podman"
    assert engine_of({}) == "podman"
    assert engine_of({"author": "acme"}, acme) == "acme"
    assert engine_of({"author": "acme"}) == "podman"


@pytest.mark.parametrize(
    ("engine", "line", "text"),
    [
        ("podman", "STEP 3/10: RUN busybox wget http://a.example", "3/10"),
        ("podman", "I do STEP 3/10: of my own", ""),
        ("podman", "", ""),
        ("docker", "#7 [3/10] RUN make", "3/10"),
        ("docker", "#7 [stage-1 3/10] RUN make", "3/10"),
        ("docker", "#7 [internal] load build definition", ""),
        ("docker", "STEP 3/10: RUN make", ""),
    ],
)
def test_which_instruction_an_engine_begins(
    tmp_path: Path, engine: str, line: str, text: str
) -> None:
    adapters = {
        "docker": Docker(runner=Runner(), state=tmp_path),
        "podman": Podman(runner=Runner(), state=tmp_path),
    }
    assert sorted(adapters) == sorted(ENGINES.built_in)
    assert adapters[engine].instruction(line) == text
