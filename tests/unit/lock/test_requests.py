"""What is asked of an ecosystem for a target of this catalog."""

from __future__ import annotations

from pathlib import Path

from builder.catalog.models import RemoteFile
from builder.lock.interfaces import LayerRequest
from builder.lock.lockfile import LineLock, Lock
from builder.lock.requests import Layering
from builder.project import Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.lines import LOCK

ROOT = Path(__file__).parents[3]
BASE = "debian=13@linux/amd64"
FILE = RemoteFile(name="julia.tar.gz", url="https://example.org/julia.tar.gz", sha256="a" * 64)


def request(image: str, ecosystem: str) -> LayerRequest:
    """What is asked for the first target of an image that is on Debian 13."""
    project = Workspace(ROOT).load(ecosystems=ECOSYSTEMS)
    lines = {f"julia={line}": LineLock(version=f"{line}.4", files={BASE: (FILE,)})
             for line in ("1.10", "1.13")}  # fmt: skip
    lock = Lock(bases={BASE: LOCK}, lines=lines)
    layering = Layering(catalog=project.catalog, expansion=project.expansion, lock=lock)
    target = next(
        it
        for it in project.expansion.targets.values()
        if it.cell.image == image and project.expansion.base_of(it).id == BASE
    )
    return layering.request(target, ecosystem, {}, own={})


def test_packages_of_julia_are_for_the_julia_of_the_lineage() -> None:
    asked = request("julia-datascience", "julia")
    assert asked.language("julia") == f"{asked.target.cell.values['julia']}.4"
    assert asked.archives == (FILE,)
    assert "DataFrames" in asked.names
    assert request("jupyter-julia", "julia").archives == (FILE,)


def test_no_other_ecosystem_is_given_the_tarball_of_julia() -> None:
    assert request("jupyter-julia", "apt").archives == ()
    assert request("jupyter-julia", "pip").archives == ()
    asked = request("python-datascience", "pip")
    assert (asked.language("julia"), asked.archives) == ("", ())
