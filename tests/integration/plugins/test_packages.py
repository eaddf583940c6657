"""An ecosystem and a provider that installed packages add, through a real week."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.common.files import write
from builder.oci.reference import Reference
from tests.integration.cli.conftest import Tiny
from tests.plugins import catalog, packages

pytestmark = pytest.mark.heavy
PAGE, PRESS = "page/os=1,style=2", "press/os=1"


@dataclass(frozen=True, kw_only=True)
class Press:
    """The catalog, the hosts that it asks, and the folder of the packages that it needs."""

    tiny: Tiny
    hosts: Path
    site: Path

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run the builder where those packages are installed; all that it prints."""
        done = self.tiny.run(*arguments, PYTHONPATH=str(self.site))
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout + done.stderr

    def serve(self, *, has_new: bool = False) -> None:
        """Have both hosts serve their files."""
        for path, data in packages.served(has_new=has_new).items():
            write(self.hosts / path, data)

    def installed(self, target: str) -> dict[str, dict[str, str]]:
        """The versions that were found in an image, by ecosystem and package."""
        report = json.loads((self.tiny.root / "build/report.json").read_text())
        (item,) = (it for it in report["targets"] if it["id"] == target)
        assert item["status"] == "done"
        (file,) = (self.tiny.root / "build/packages").glob(f"{target.partition('/')[0]}-*.json")
        found = json.loads(file.read_text())
        return {
            name: {key: it["version"] for key, it in items.items()} for name, items in found.items()
        }


@pytest.fixture(scope="module")
def press(
    work: Path, tmp_path_factory: pytest.TempPathFactory, address: str, parent: Reference
) -> Iterator[Press]:
    """The catalog, not locked, and its hosts on loopback."""
    hosts, site = tmp_path_factory.mktemp("hosts"), tmp_path_factory.mktemp("site")
    packages.install_fonts(site)
    packages.install_foundry(site)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(hosts))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = work / "press"
    text = catalog.MATRIX.format(
        registry=address, prefix="press", base=parent.with_tag("latest"),
        address=f"127.0.0.1:{server.server_address[1]}",
    )  # fmt: skip
    for path, content in {"matrix.yaml": text, **catalog.FILES}.items():
        write(root / path, content.encode())
    press = Press(tiny=Tiny(root=root, registry=address, prefix="press"), hosts=hosts, site=site)
    press.serve()
    yield press
    server.shutdown()
    shutil.rmtree(root, ignore_errors=True)


def test_without_the_package_of_the_ecosystem(press: Press) -> None:
    done = press.tiny.run("plan", "--offline")
    assert done.returncode == 2
    assert "images/press/recipe.yaml:3:3: no ecosystem is called 'fonts'" in done.stderr


def test_a_week(press: Press) -> None:
    press.run("lock")
    lock = json.loads((press.tiny.root / "matrix.lock").read_text())
    assert lock["release_lines"]["style=2"]["version"] == "2.1"
    fonts = lock["package_sets"][PRESS]["packages"]["fonts"]
    assert {name: text.split()[0] for name, text in fonts.items()} == {
        "metrics": "0.3", "serif": "1.0",
    }  # fmt: skip
    press.run("weekly")
    expected = {"fonts": {"metrics": "0.3", "serif": "1.0"}}
    assert press.installed(PRESS) == expected
    assert press.installed(PAGE) == expected


def test_doctor_asks_the_provider(press: Press) -> None:
    done = press.tiny.run("doctor", PYTHONPATH=str(press.site))
    said = [it.split(maxsplit=1)[1] for it in done.stdout.splitlines()]
    assert "provider foundry: reachable, for 1 line" in said
    assert "provider foundry: from an installed package" in said
    assert "ecosystem fonts: from an installed package" in said


def test_outdated_asks_both(press: Press) -> None:
    press.serve(has_new=True)
    said = press.run("outdated", "--format", "json", code=0)
    assert "serif" in said
    assert "style=2" in said
