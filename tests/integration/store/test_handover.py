"""Images that one machine builds and another one pushes: the two halves, and who comes between."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from builder.app.adapters import Adapters
from builder.build.events import Result
from builder.build.handover import folder_of
from builder.catalog.models import Base, Source
from builder.ci.shards import levels
from builder.cli.main import main
from builder.common.process import Runner
from builder.lock.lockfile import dump
from builder.oci.reference import parse
from builder.plan.models import Plan
from builder.registry.store import RegistryStore
from builder.resolvers.base_images.upstream import UpstreamImages
from tests.fakes.catalog import LOCK, MATRIX, TODAY, Folder, Week, with_package_sets
from tests.fakes.engine import FakeEngine
from tests.fakes.layout import write_layout
from tests.fakes.store import FakeStore
from tests.fakes.upstream import publish
from tests.integration.registry import registry

IMAGES = ("base", "tool", "speech", "desk", "charts/desk")
DOOR = """
  door:
    "8": {sources: [{image: "PLACE"}], tag: "door{version}"}

images:
  door: {upstream: door, axes: [door]}
"""
BASE, BUILD = "base:os=1@linux/amd64", "build:base/os=1"
HINT = (
    "\n  hint: none of it was pushed: run the job that built it again, and see who can write its"
    " files"
)


@dataclass(frozen=True, kw_only=True)
class Machines:
    """A catalog, its registry, and the command line of the two machines."""

    week: Week
    handover: Path

    def run(self, *argv: str) -> tuple[int, str]:
        """Run the builder; its exit code, and all that it prints."""
        out = io.StringIO()
        root = str(self.week.folder.root)
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(out):
            patch.setattr("sys.argv", ["builder", *argv, "--root", root, "--today", TODAY])
            with pytest.raises(SystemExit) as ended:
                main(lambda setup: Adapters(setup, **self.week.fakes))
        assert isinstance(ended.value.code, int)
        return ended.value.code, out.getvalue()

    def tags(self, image: str) -> tuple[str, ...]:
        """The tags of an image in the registry."""
        matrix = self.week.folder.load().catalog.matrix
        return self.week.store.tags(matrix.repository_of(image))

    def build(self, *steps: str) -> None:
        """Carry out steps on the machine that may not write."""
        before = {image: self.tags(image) for image in IMAGES}
        code, text = self.run("step", *steps, "--export", str(self.handover), "--run", "77")
        assert code == 0, text
        assert {image: self.tags(image) for image in IMAGES} == before

    def push(self, *steps: str) -> tuple[int, str]:
        """Push what was handed over, on the machine that builds nothing."""
        fakes = (self.week.engine, self.week.smoke, self.week.chart_runner)
        before = [list(fake.calls) for fake in fakes]
        done = self.run("push", str(self.handover), *steps, "--run", "77")
        assert [fake.calls for fake in fakes] == before
        return done

    def pass_on(self, *steps: str) -> None:
        """Build and push."""
        self.build(*steps)
        code, text = self.push(*steps)
        assert code == 0, text
        shutil.rmtree(self.handover)

    def pushed(self, handover: Path) -> Result:
        """How the step ends that pushes the image of the base."""
        app = self.week.app(handed_over_in=handover, run="77", registries=())
        run = app.run(app.plan(to_run=False), (), only=[BUILD])
        assert run.exit_code == run.results[BUILD].exit_code
        return run.results[BUILD]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry."""
    runner = Runner()
    with registry(tmp_path_factory.mktemp("registry"), runner=runner) as host:
        yield host
    runner.stop()


def machines_in(folder: Path, address: str) -> Machines:
    """A catalog whose repositories are the test's own."""
    own = sha256(str(folder).encode()).hexdigest()[:12]
    catalog = Folder(folder / "catalog")
    matrix = MATRIX.replace("127.0.0.1:5999", address)
    catalog.write("matrix.yaml", matrix.replace("{registry}/", f"{{registry}}/{own}/"))
    catalog.write("matrix.lock", dump(with_package_sets(catalog.load(), LOCK)))
    store = RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)
    week = Week(folder=catalog, store=store, engine=FakeEngine(stacks=True))  # type: ignore[arg-type]
    return Machines(week=week, handover=folder / "handover")


@pytest.fixture
def machines(tmp_path: Path, address: str) -> Machines:
    """Two machines, and nothing in the registry."""
    return machines_in(tmp_path, address)


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory, address: str) -> Machines:
    """An image that waits to be pushed; its base was pushed."""
    machines = machines_in(tmp_path_factory.mktemp("waiting"), address)
    machines.pass_on(BASE)
    machines.build(BUILD)
    return machines


def plan(week: Week) -> Plan:
    return replace(week, lock=week.folder.load().lock or LOCK).plan()


def images(week: Week) -> dict[str, Any]:
    """What the registry has of each target: the image, and what its metadata says."""
    found: dict[str, Any] = {}
    for key, target in plan(week).targets.items():
        metadata = week.store.get(parse(f"{target.reference}.evidence"))
        assert metadata is not None, key
        config = json.loads(metadata.config)
        assert config.pop("seconds") >= 0
        files = {name: blob.data for name, blob in metadata.files.items()}
        found[key] = (week.store.digest(target.reference), config, files)
    return found


def test_two_machines_make_what_one_makes(machines: Machines) -> None:
    """Level by level: the next one takes its parents from the registry."""
    week = machines.week
    for level in levels(plan(week)):
        steps = [step.id for step in level]
        machines.build(*steps)
        for tamper in (swap_images, lengthen_package):
            tamper(machines, steps)
        code, text = machines.push(*steps)
        assert code == 0, text
        shutil.rmtree(machines.handover)
    assert {step.action for level in levels(plan(week)) for step in level} <= {"package"}
    alone = Week(folder=week.folder, store=FakeStore(), engine=FakeEngine(stacks=True))
    alone.lock = week.folder.load().lock or LOCK
    alone.go_by()
    assert images(week) == images(alone)
    for argv in (["step", "release", "--export"], ["push"]):
        machines.handover.mkdir(exist_ok=True)
        words = [*argv, str(machines.handover)] + (["release"] if argv == ["push"] else [])
        code, text = machines.run(*words)
        assert code == 5
        assert (
            "release failed: a release is not handed over\n  hint: builder step release\n" in text
        )
    assert machines.run("step", "release")[0] == 0
    assert "latest" in machines.tags("desk")
    shutil.rmtree(machines.handover)
    week.folder.edit("images/base/tests/test_base.py", "host", "host, tmp_path")
    changed = plan(week)
    machines.pass_on(*(step.id for level in levels(changed) for step in level))
    _, config, _ = images(week)["base/os=1"]
    assert config["tests_hash"] == changed.targets["base/os=1"].tests_hash


def swap_images(machines: Machines, steps: list[str]) -> None:
    """Two images of one level that stand on the same parent, each whole and of this run."""
    tool, speech = "build:tool/os=1", "build:speech/os=1,lang=1.9"
    if speech not in steps:
        return
    one, two = (folder_of(machines.handover, step) / "image" for step in (tool, speech))
    own = two.rename(machines.handover.with_name("own"))
    shutil.copytree(one, two)
    code, text = machines.push(*steps)
    assert code == 5
    assert f"what was handed over for {speech} is refused: its metadata has digest" in text
    assert not [tag for tag in machines.tags("speech") if tag.startswith(tag_of(machines, speech))]
    shutil.rmtree(two)
    own.rename(two)


def lengthen_package(machines: Machines, steps: list[str]) -> None:
    """A chart package with a byte more."""
    if steps != ["chart:desk"]:
        return
    (package,) = (machines.handover / "chart-desk/artifact/files").iterdir()
    own = package.read_bytes()
    package.write_bytes(own + b"\0")
    code, text = machines.push(*steps)
    assert code == 5
    assert "its desk.tgz is not what this run makes of the same inputs" in text
    assert machines.tags("charts/desk") == ()
    package.write_bytes(own)


def tag_of(machines: Machines, step: str) -> str:
    return plan(machines.week).targets[step.removeprefix("build:")].fingerprint.tag


# Who comes between.


def edit(file: Path, change: Callable[[Any], None]) -> None:
    """Change a file of JSON; what it is linked to stays."""
    data = json.loads(file.read_text())
    change(data)
    file.unlink()
    file.write_text(json.dumps(data))


def blobs(step: Path) -> list[Path]:
    return sorted((step / "image/blobs/sha256").iterdir())


def layer(step: Path) -> Path:
    return next(path for path in blobs(step) if path.read_bytes()[:2] == b"\x1f\x8b")


def other_bytes(step: Path) -> None:
    file = layer(step)
    data = bytearray(file.read_bytes())
    data[4] ^= 1  # the time in gzip's header: it is unpacked to the same
    file.unlink()
    file.write_bytes(bytes(data))


def other_image(step: Path) -> None:
    """Another program, in an image that is whole."""
    shutil.rmtree(step / "image")
    write_layout(step / "image", b"of an attacker")


def other_architecture(step: Path) -> None:
    shutil.rmtree(step / "image")
    write_layout(step / "image", b"x", architecture="arm64")


def longer_blob(step: Path) -> None:
    file = layer(step)
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data + b"\0")


def lying_layer(step: Path) -> None:
    """A layer that is unpacked to something else than its image says."""
    manifest = step / "image/blobs/sha256" / digest(step)
    document = json.loads(manifest.read_text())
    packed = gzip.compress(b"something else", mtime=0)
    name = sha256(packed).hexdigest()
    layer(step).unlink()
    (step / "image/blobs/sha256" / name).write_bytes(packed)
    document["layers"][-1].update(digest=f"sha256:{name}", size=len(packed))
    put_manifest(step, document)


def put_manifest(step: Path, document: dict[str, Any]) -> None:
    data = json.dumps(document).encode()
    name = sha256(data).hexdigest()
    (step / "image/blobs/sha256" / digest(step)).unlink()
    (step / "image/blobs/sha256" / name).write_bytes(data)
    index = {"digest": f"sha256:{name}", "size": len(data)}
    edit(step / "image/index.json", lambda data: data["manifests"][0].update(index))


def digest(step: Path) -> str:
    (manifest,) = json.loads((step / "image/index.json").read_text())["manifests"]
    return str(manifest["digest"]).removeprefix("sha256:")


def name_above(step: Path) -> None:
    above = {"digest": "sha256:../../../../matrix.lock"}
    edit(step / "image/index.json", lambda data: data["manifests"][0].update(above))


def said(key: str, value: object) -> Callable[[Path], None]:
    return lambda step: edit(step / "handover.json", lambda data: data.update({key: value}))


def metadata(key: str, value: object) -> Callable[[Path], None]:
    return lambda step: edit(step / "artifact/config.json", lambda data: data.update({key: value}))


def other_fingerprint(step: Path) -> None:
    file = step / "artifact/files/fingerprint.json"
    edit(file, lambda data: data.update(platform="linux/arm64"))


def not_packages(step: Path) -> None:
    (step / "artifact/files/packages.json").write_text('{"apt": {"tar": {"rm": "-rf"}}}')


def many_levels(step: Path) -> None:
    (step / "handover.json").write_text("[" * 100_000)


def huge(step: Path) -> None:
    with (step / "artifact/files/junit.xml").open("r+b") as file:
        file.truncate((64 << 20) + 1)


def is_link(name: str) -> Callable[[Path], None]:
    def tamper(step: Path) -> None:
        (step / name).unlink(missing_ok=True)
        (step / name).symlink_to("/etc/passwd")

    return tamper


def extra(name: str) -> Callable[[Path], None]:
    def tamper(step: Path) -> None:
        (step / name).parent.mkdir(parents=True, exist_ok=True)
        (step / name).write_text("")

    return tamper


def folder_is_link(step: Path) -> None:
    elsewhere = step.with_name("elsewhere")
    step.rename(elsewhere)
    target = step.parent.parent / "elsewhere"
    elsewhere.rename(target)
    step.symlink_to(target)


OTHER = "0" * 64
TAMPERED = {
    "other_bytes": (other_bytes, r"its layer sha256:LAYER has the digest sha256:\w{64}"),
    "longer_blob": (
        longer_blob, r"the layer LAYER has more than the [\d,]+ bytes that are stated",
    ),
    "other_image": (other_image, "its image does not stand on the parent that the registry has"),
    "other_architecture": (
        other_architecture, "its image is for 'linux/arm64' instead of 'linux/amd64'",
    ),
    "lying_layer": (
        lying_layer,
        r"its layer sha256:\w{64} is unpacked to sha256:\w{64}, but its image says sha256:\w{64}",
    ),
    "name_above": (
        name_above,
        r".*/image/index.json: its manifest is damaged: `manifests` has no digest of .*",
    ),
    "other_step": (
        said("step", "build:tool/os=1"),
        "it is for the step 'build:tool/os=1' instead of 'build:base/os=1'",
    ),
    "other_inputs": (
        said("inputs", OTHER), rf"it is for the inputs '{OTHER}' instead of '\w{{64}}'",
    ),
    "other_run": (said("run", "78"), "it is for the run '78' instead of '77'"),
    "other_format": (said("format", 2), "handover.json is not of format 1"),
    "more_keys": (said("more", 2), "handover.json is not of format 1"),
    "no_tests": (said("tests", None), "it has no results of tests"),
    "failed_tests": (
        said("tests", {"passed": 1, "failed": 1, "skipped": 0}),
        "1 of its tests passed and 1 failed",
    ),
    "odd_tests": (said("tests", {"passed": True}), r"its results of tests are {'passed': True}"),
    "metadata_of_another": (
        metadata("digest", f"sha256:{OTHER}"),
        rf"its metadata has digest 'sha256:{OTHER}' instead of 'sha256:\w{{64}}'",
    ),
    "other_tests": (
        metadata("tests_hash", "x"), r"its metadata has tests_hash 'x' instead of '\w+'",
    ),
    "more_passed": (
        said("tests", {"passed": 9, "failed": 0, "skipped": 0}),
        r"its metadata has tests {.* 'passed': 2, .*} instead of {.* 'passed': 9, .*}",
    ),
    "odd_isolation": (metadata("isolation", "a promise"), "its metadata has isolation 'a promise'"),
    "other_network": (
        metadata("network", "host"), "its metadata has network 'host' instead of 'private'",
    ),
    "odd_seconds": (metadata("seconds", "1e9"), "its metadata has seconds '1e9'"),
    "odd_memory": (metadata("memory", 2**60), f"its metadata has memory {2**60}"),
    "odd_disk": (metadata("disk", 0), "its metadata has disk 0"),
    "other_fingerprint": (
        other_fingerprint, "its fingerprint.json is not what this run makes of the same inputs",
    ),
    "not_packages": (not_packages, "packages.json is not a list of packages"),
    "many_levels": (many_levels, "handover.json has more than 64 levels"),
    "huge": (huge, "artifact/files/junit.xml has more than 64 MiB"),
    "link": (is_link("handover.json"), "'handover.json' is neither a file nor a folder"),
    "link_among_blobs": (
        is_link("image/blobs/sha256/x"), "'image/blobs/sha256/x' is neither a file nor a folder",
    ),
    "folder_is_link": (folder_is_link, "'build-base_os=1' is not a folder"),
    "extra_blob": (
        extra(f"image/blobs/sha256/{OTHER}"),
        f"the file 'image/blobs/sha256/{OTHER}' is not a part of its image",
    ),
    "extra_file": (extra("image/run.sh"), "the file 'image/run.sh' is not a part of its image"),
    "extra_part": (extra("more/run.sh"), "it has the file 'more/run.sh'"),
    "extra_result": (
        extra("artifact/files/x/run.sh"),
        "the file 'artifact/files/x/run.sh' is not a part of its artifact",
    ),
    "odd_name": (extra("image/a\\b"), r"the path 'image/a\\\\b' has a backslash"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_what_was_changed_on_the_way_is_refused(
    waiting: Machines, tmp_path: Path, name: str
) -> None:
    tamper, problem = TAMPERED[name]
    handover = tmp_path / "handover"
    shutil.copytree(waiting.handover, handover)
    step = handover / "build-base_os=1"
    problem = problem.replace("LAYER", layer(step).name)
    tamper(step)
    result = waiting.pushed(handover)
    assert (result.status, result.exit_code) == ("failed", 5)
    expected = re.escape(f"what was handed over for {BUILD} is refused: ") + problem
    assert re.fullmatch(expected + re.escape(HINT), result.reason), result.reason
    assert waiting.tags("base") == ()


def test_what_is_missing_is_said(waiting: Machines, tmp_path: Path) -> None:
    result = waiting.pushed(tmp_path)
    assert (result.status, result.exit_code) == ("failed", 5)
    assert result.reason == (
        f"what was handed over for {BUILD} is refused: it is missing: its build failed, or was not"
        f" one of this job{HINT}"
    )


def test_the_commands_say_what_they_refuse(waiting: Machines) -> None:
    other = waiting.handover / "build-tool_os=1"
    other.mkdir()
    code, text = waiting.push(BUILD)
    other.rmdir()
    assert code == 5
    refused = f"{waiting.handover} is refused: 'build-tool_os=1' belongs to none of these steps"
    assert text == f"error: {refused}{HINT}\n"
    code, text = waiting.run("push", str(waiting.handover), BUILD, "--run", "78")
    assert code == 5
    assert text.endswith(
        f"\n{BUILD} failed: what was handed over for {BUILD} is refused: it is for the run '77'"
        f" instead of '78'{HINT}\n"
    )
    code, text = waiting.run("push", str(waiting.handover / "none"), BUILD)
    assert code == 5
    assert text == (
        f"error: {waiting.handover / 'none'} is not a folder\n"
        "  hint: builder step ID... --export DIR\n"
    )
    assert waiting.tags("base") == ()


def test_a_failed_step_hands_nothing_over(machines: Machines) -> None:
    machines.pass_on(BASE)
    machines.week.smoke.rejects.add("base/os=1")
    code, _ = machines.run("step", BUILD, "--export", str(machines.handover))
    assert code == 6
    assert not (machines.handover / "build-base_os=1").exists()


def test_a_mirrored_image_is_tested_on_one_machine_and_copied_by_the_other(
    machines: Machines, address: str, tmp_path: Path
) -> None:
    week, folder = machines.week, machines.week.folder
    place = f"{address}/{sha256(str(tmp_path).encode()).hexdigest()[:12]}/upstream"
    content = publish(week.store, tmp_path, f"{place}:8.0.2", "door")
    folder.edit("matrix.yaml", "\nimages:\n", DOOR.replace("PLACE", place))
    folder.write("images/door/recipe.yaml", "summary: A door\n")
    folder.write("images/door/tests/test_door.py", "def test_door(host): ...\n")
    base = Base(id="door=8@linux/amd64", axis="door", value="8", platform="linux/amd64")
    locked = UpstreamImages(registry=week.store, mirrors={}).lock(base, [Source(image=place)])
    lock = with_package_sets(folder.load(), LOCK)
    lock = replace(lock, bases={**lock.bases, base.id: locked})
    folder.write("matrix.lock", dump(lock))
    for step in (f"base:{base.id}", "build:door/door=8"):
        machines.pass_on(step)
    target = replace(week, lock=lock).plan().targets["door/door=8"]
    assert target.action == "reuse", target.reason
    assert week.store.digest(target.reference) == content == locked.content
