"""Two releases in a real registry: what changed, as the commands print it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.catalog.packages import Package
from builder.cli.main import main
from builder.common.process import Runner
from builder.registry.store import RegistryStore
from tests.fakes.catalog import MATRIX, Folder, Week
from tests.integration.registry import registry

FIRST, SECOND = "2026.11.16", "2026.11.23"


@pytest.fixture
def weeks(folder: Folder, tmp_path: Path) -> Iterator[Week]:
    """Two weeks: in the second speech is built again, with newer packages of one source."""
    runner = Runner()
    with registry(tmp_path / "registry", runner=runner) as address:
        folder.write("matrix.yaml", MATRIX.replace("127.0.0.1:5999", address))
        store = RegistryStore(runner=runner, skopeo="skopeo", enclose=lambda command: command)
        week = Week(folder=folder, store=store)  # type: ignore[arg-type]
        for day, version in (("2026-11-16", "3.5.1-1"), ("2026-11-23", "3.5.1-2")):
            package = Package(version=version, size=1, source="openssl")
            week.smoke.installed = {"apt": {"libssl3t64": package, "openssl": package}}
            results = week.go_by(today=day)
            assert {it.status for it in results.values()} <= {"done", "reused"}
            folder.edit("images/speech/Dockerfile.j2", "FROM", "ENV WORDS=many\nFROM")
        yield week
    runner.stop()
    shutil.rmtree(tmp_path / "registry")


def test_the_commands_read_a_real_registry(
    weeks: Week, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = weeks.folder.load().catalog.matrix.embedded

    def run(*argv: str) -> str:
        root = ["--root", str(weeks.folder.root), "--registry", address]
        monkeypatch.setattr("sys.argv", ["builder", *argv, *root])
        with pytest.raises(SystemExit) as ended:
            main()
        text = capsys.readouterr()
        assert ended.value.code == 0, text.err
        return text.out

    packages = (
        "ECOSYSTEM  PACKAGE                       WAS      IS       TARGETS\n"
        "apt        openssl: libssl3t64, openssl  3.5.1-1  3.5.1-2  {}\n"
    )
    found = run("diff", FIRST, SECOND)
    assert found.startswith(
        "2026.11.16 → 2026.11.23\n4 targets changed, 4 did not. 1 change of packages. In all "
    )
    assert packages.format("4: speech, desk") in found
    assert "\nENV WORDS       many  2: speech\n" in found
    image = f"{address}/shop-speech:lang1.10.4"
    found = run("diff", f"{image}-{FIRST}", image)
    assert packages.format("1: speech").replace("TARGETS", "IMAGES") in found
    assert run("diff", f"{image}-{SECOND}", image).endswith("Nothing changed.\n")
    assert run("why", "libssl3t64", "desk/os=2,lang=1.10") == (
        "apt libssl3t64 3.5.1-2\n"
        "  since 2026.11.23; 3.5.1-1 before\n"
        "  brought by base: part of os=2@linux/amd64,"
        " or a dependency of what recipe base installs; speech changed its version\n"
        "  in 1 target of 1 image: desk\n"
    )
