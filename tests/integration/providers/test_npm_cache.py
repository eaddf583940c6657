"""npm itself, with locked packages laid where it finds them by their hash, and no network."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path

from builder.catalog.models import Network
from builder.catalog.packages import LockedPackage
from builder.common.process import Command, Runner
from builder.lock.package_lists import file_path
from builder.resolvers.npm.ecosystem import NPM
from builder.resolvers.npm.registry import NpmPackages, npm


def tgz(about: dict[str, str]) -> bytes:
    """A package that says what it is, and nothing else."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        content = json.dumps(about).encode()
        info = tarfile.TarInfo("package/package.json")
        info.size, info.mode = len(content), 0o644
        archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def test_npm_finds_by_its_hash_what_the_lock_has(tmp_path: Path, runner: Runner) -> None:
    data = tgz({"name": "@wood/oak", "version": "1.0.0"})
    digest = hashlib.sha512(data)
    file = "@wood/oak/-/oak-1.0.0.tgz"
    package = LockedPackage(
        version="1.0.0", digest=f"sha512:{digest.hexdigest()}", source="npm", file=file
    )
    place = tmp_path / "downloads" / file_path("npm", package, {"npm": NPM})
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    network = Network()
    desk = {"name": "desk", "version": "1.0.0", "dependencies": {"@wood/oak": "^1.0.0"}}
    oak = {
        "version": "1.0.0",
        "resolved": NpmPackages(runner=runner, network=network).file_url(file).url,
        "integrity": f"sha512-{base64.b64encode(digest.digest()).decode()}",
    }
    lock = {"lockfileVersion": 3, "packages": {"": desk, "node_modules/@wood/oak": oak}}
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps(desk))
    (folder / "npm-shrinkwrap.json").write_text(json.dumps({**desk, **lock}))
    argv = (
        npm(), "ci", "--offline", f"--cache={tmp_path}/downloads/npm", f"--prefix={folder}",
        "--no-audit", "--no-update-notifier",
    )  # fmt: skip
    runner.run(Command(argv=argv, timeout=60))
    found = json.loads((folder / "node_modules/@wood/oak/package.json").read_text())
    assert found["version"] == "1.0.0"
    place.unlink()
    output = runner.run(Command(argv=argv, timeout=60), check=False)
    assert output.code != 0
    assert "ENOTCACHED" in output.log
