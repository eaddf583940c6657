"""On which day the versions of an index were published, where its client can tell."""

from __future__ import annotations

import json
from pathlib import Path

from builder.catalog.models import Network
from builder.resolvers.interfaces import request_for
from builder.resolvers.npm.registry import NpmPackages
from builder.resolvers.python.pypi import PythonPackages
from builder.resolvers.python.standalone import UvPythons, dated
from tests.fakes.lines import Upstream
from tests.fakes.programs import FakePrograms

URL = "https://example.org/download/{}/cpython-{}-{}-install_only_stripped.tar.gz"


def build(version: str, day: str, **other: str) -> dict[str, str]:
    return {
        "version": version, "os": "linux", "libc": "gnu", "implementation": "cpython",
        "variant": "default", "arch": "x86_64", "url": URL.format(day, version, "x86_64"), **other,
    }  # fmt: skip


def test_a_build_of_python_has_its_day_in_the_address(there: Upstream) -> None:
    builds = [
        build("3.16.0a2", "20261110"), build("3.15.2", "20261101"),
        build("3.15.2", "20261101", arch="aarch64"), build("3.14.1", "soon"),
        build("3.13.1", "20260101", variant="freethreaded"),
    ]  # fmt: skip
    programs = FakePrograms({"uv python": json.dumps(builds)})
    pythons = UvPythons(runner=programs, fetcher=there.fetcher())
    assert dated(pythons) == [
        ("3.16.0a2", "2026-11-10"), ("3.15.2", "2026-11-01"), ("3.14.1", ""),
    ]  # fmt: skip


def test_npm_states_a_time_for_each_version(tmp_path: Path) -> None:
    times = {
        "created": "2019-01-01T00:00:00.000Z", "modified": "2026-11-30T00:00:00.000Z",
        "4.139.1": "2026-09-26T17:12:12.944000+00:00", "4.140.0-rc.1": "2026-11-01T00:00:00.000Z",
        "4.0.0": 5,
    }  # fmt: skip
    programs = FakePrograms({"npm view": json.dumps(times)})
    packages = NpmPackages(runner=programs, network=Network(), program=str(tmp_path / "npm"))
    assert packages.dated("code-server") == [
        ("4.139.1", "2026-09-26"), ("4.140.0-rc.1", "2026-11-01"), ("4.0.0", ""),
    ]  # fmt: skip


def test_the_newest_version_of_each_line_of_a_python_package_has_a_day() -> None:
    programs = FakePrograms({
        "python -m": "spark (4.3.0)\nAvailable versions: 4.3.0, 4.2.1, 4.2.0\n",
        "uv pip": (
            '[[packages]]\nname = "spark"\nversion = "4.2.1"\n'
            'sdist = {url = "x", upload-time = 2026-10-27T15:30:57Z}\n'
            'wheels = [{url = "y", upload-time = 2026-10-28T01:00:00Z}, {url = "z"}]\n'
        ),
    })  # fmt: skip
    packages = PythonPackages(runner=programs, network=Network())
    assert packages.dated(request_for("spark")) == [
        ("4.3.0", "2026-10-27"), ("4.2.1", "2026-10-27"), ("4.2.0", "2026-10-27"),
    ]  # fmt: skip
    assert len(programs.words()) == 3
