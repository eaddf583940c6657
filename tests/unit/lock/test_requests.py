"""What is asked of an ecosystem for a target of this catalog."""

from __future__ import annotations

from builder.catalog.models import RemoteFile
from builder.lock.interfaces import PackageRequest
from builder.lock.lockfile import Lock, VersionLock
from builder.lock.requests import PackageRequests
from tests.fakes.lines import LOCK
from tests.fakes.this_catalog import this_catalog

BASE = "debian=13@linux/amd64"
FILE = RemoteFile(name="julia.tar.gz", url="https://example.org/julia.tar.gz", sha256="a" * 64)


def request(image: str, ecosystem: str) -> PackageRequest:
    """What is asked for the first target of an image that is on Debian 13."""
    project = this_catalog()
    lines = {f"julia={line}": VersionLock(version=f"{line}.4", files={BASE: (FILE,)})
             for line in ("1.10", "1.13")}  # fmt: skip
    lock = Lock(bases={BASE: LOCK}, release_lines=lines)
    package_requests = PackageRequests(
        catalog=project.catalog, expansion=project.expansion, lock=lock
    )
    target = next(
        it
        for it in project.expansion.targets.values()
        if it.variant.image == image and project.expansion.base_of(it).id == BASE
    )
    return package_requests.request(target, ecosystem, {}, own={})


def test_packages_of_julia_are_for_the_julia_of_the_lineage() -> None:
    asked = request("julia-datascience", "julia")
    assert asked.language("julia") == f"{asked.target.variant.values['julia']}.4"
    assert asked.archives == (FILE,)
    assert "DataFrames" in asked.names
    assert request("jupyter-julia", "julia").archives == (FILE,)


def test_no_other_ecosystem_is_given_the_tarball_of_julia() -> None:
    assert request("jupyter-julia", "apt").archives == ()
    assert request("jupyter-julia", "pip").archives == ()
    asked = request("python-datascience", "pip")
    assert (asked.language("julia"), asked.archives) == ("", ())
