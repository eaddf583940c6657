"""What a user and a script see of runs that go well, and of runs that do not."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.common.process import Command, Runner
from builder.oci.image import ImageLayer
from builder.testing.toolroot import ToolRoot
from tests.fakes.layout import write_layout
from tests.fakes.report import check_report
from tests.integration.cli.conftest import Tiny, lay
from tests.integration.conftest import BUILDX

RELEASE = "2026.11.23"


def digests(tiny: Tiny, image: str) -> dict[str, str | None]:
    """Every tag of an image, with its digest; evidence aside."""
    store, place = tiny.session().adapters.store, tiny.place(image)
    tags = [tag for tag in store.tags(place.name) if not tag.endswith(".evidence")]
    return {tag: store.digest(place.with_tag(tag)) for tag in tags}


def contents(tiny: Tiny, image: str) -> dict[str, tuple[ImageLayer, ...]]:
    """Every tag of an image, with its layers; evidence aside."""
    store, place = tiny.session().adapters.store, tiny.place(image)
    return {tag: store.layers(place.with_tag(tag)) for tag in digests(tiny, image)}


def report(tiny: Tiny) -> dict[str, str]:
    """The status of every target in the last report."""
    text = (tiny.root / "build" / "report.json").read_text()
    check_report(text)
    data = json.loads(text)
    return {item["id"].partition("/")[0]: item["status"] for item in data["targets"]}


def test_the_lock_names_an_image_of_a_registry_by_digest(tiny: Tiny, parent: object) -> None:
    lock = json.loads((tiny.root / "matrix.lock").read_text())
    base = lock["bases"]["os=1@linux/amd64"]
    assert base["content"] == getattr(parent, "digest")  # noqa: B009
    assert list(base["source"]) == ["registry"]


def test_a_base_that_is_not_compressed_and_does_not_say_when_it_was_made(
    work: Path, runner: Runner, address: str
) -> None:
    layout, place = work / "bare-layout", f"{address}/bare:1"
    digest = write_layout(layout, b"bare", is_packed=False)
    argv = ("skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false")
    runner.run(Command(argv=(*argv, f"oci:{layout}", f"docker://{place}")))
    tiny = lay(work / "bare", registry=address, base=place, prefix="bare")
    done = tiny.run("lock")
    assert done.returncode == 0, done.stderr
    lock = json.loads((tiny.root / "matrix.lock").read_text())
    assert lock["bases"]["os=1@linux/amd64"]["content"] == digest


def test_a_week_and_the_same_week_again(tiny: Tiny) -> None:
    done = tiny.run("weekly")
    assert done.returncode == 0, done.stderr
    assert report(tiny) == dict.fromkeys(("base", "tool", "app", "other"), "done")
    assert set(digests(tiny, "app")) >= {"latest", f"latest-{RELEASE}"}
    # An image that is not published is built and tested, and has no tag but its own.
    assert [tag[:3] for tag in digests(tiny, "tool")] == ["fp-"]
    first = digests(tiny, "app")
    again = tiny.run("weekly")
    assert again.returncode == 0, again.stderr
    assert set(report(tiny).values()) == {"reused"}
    assert "\n\nNothing changed.\n" in again.stdout
    assert digests(tiny, "app") == first


def test_each_command_ends_with_what_is_offered_and_how_to_get_it(tiny: Tiny) -> None:
    told = "`builder publish` releases what passed\n"
    assert tiny.run("build", "-s", "base").stdout == f"built 1 target; {told}"
    assert tiny.run("build").stdout == f"built 3 targets, 1 there already; {told}"
    place = f"{tiny.registry}/{tiny.prefix}"
    pull = "".join(
        f"  podman pull --tls-verify=false {place}-{image}:latest\n"
        for image in ("base", "app", "other")
    )
    assert tiny.run("publish").stdout == f"released {RELEASE}: 3 images (3 built before)\n{pull}"
    again = f"no new release: nothing that passed has changed since {RELEASE}\n{pull}"
    assert tiny.run("publish").stdout == again
    assert tiny.run("step", "release").stdout == again
    assert tiny.run("step", "build:base/os=1").stdout == ""
    assert tiny.run("build").stdout == (
        "nothing to build: 4 targets there already; all of it is released\n"
    )


def test_a_changed_recipe_rebuilds_it_and_its_descendants_only(tiny: Tiny) -> None:
    assert tiny.run("weekly").returncode == 0
    (tiny.root / "images" / "tool" / "files" / "more.txt").write_text("more\n")
    done = tiny.run("plan", "--format", "json")
    plan = json.loads(done.stdout)
    actions = {item["image"]: (item["action"], item["reason"]) for item in plan["targets"]}
    assert actions["base"][0] == actions["other"][0] == "reuse"
    changed = f"changed since {RELEASE}: "
    assert actions["tool"] == ("build", f"{changed}context")
    assert actions["app"] == ("build", f"{changed}inputs")
    explained = tiny.run("explain", "tool").stdout
    assert '+  "files/more.txt",' in explained
    assert tiny.run("weekly").returncode == 0
    assert report(tiny) == {"base": "reused", "tool": "done", "app": "done", "other": "reused"}
    assert (
        f"## What changed since {RELEASE} until {RELEASE}.1\n\n"
        "2 targets changed, 2 did not. No package changed. In all "
    ) in (tiny.root / "build" / "report.md").read_text()


def test_what_a_change_changes_is_built_into_a_layout(tiny: Tiny, runner: Runner) -> None:
    before = tiny.root / "before"
    shutil.copytree(tiny.root, before, ignore=shutil.ignore_patterns("build", "before"))
    (tiny.root / "images" / "tool" / "files" / "more.txt").write_text("more\n")
    layout = tiny.root / "build" / "oci"
    done = tiny.run("build", "--since", str(before), "--export", str(layout))
    assert done.returncode == 0, done.stderr
    # What the change stands on is built too where it is nowhere; what it is not about is not.
    assert digests(tiny, "base")
    assert digests(tiny, "other") == {}
    named = {
        item["annotations"]["org.opencontainers.image.ref.name"]: item["digest"]
        for item in json.loads((layout / "index.json").read_text())["manifests"]
    }
    assert sorted(named) == ["app-os1", "tool-os1"]
    for image in ("app", "tool"):
        assert named[f"{image}-os1"] in digests(tiny, image).values()
        # It is whole: every blob can be read.
        copy = tiny.root / "build" / image
        argv = ("skopeo", "copy", "--quiet", f"oci:{layout}:{image}-os1", f"dir:{copy}")
        runner.run(Command(argv=argv))
        assert (copy / "manifest.json").is_file()


def test_printed_commands_do_what_the_steps_do(make: Callable[[], Tiny]) -> None:
    by_steps, by_hand = make(), make()
    done = by_steps.run("weekly")
    assert done.returncode == 0, done.stderr
    printed = by_hand.run("weekly", "--show-commands")
    assert printed.returncode == 0, printed.stderr
    assert digests(by_hand, "app") == {}
    ran = subprocess.run(
        ["sh", "-s"], input=printed.stdout, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    # But for podman's remarks in the history: the ids of what it made on the way, which are random.
    for image in ("base", "tool", "app", "other"):
        assert contents(by_hand, image) == contents(by_steps, image)


def test_what_is_rendered_is_built_by_bake_alone(
    tiny: Tiny, runner: Runner, toolroot: ToolRoot, docker_host: str
) -> None:
    out = tiny.root / "rendered"
    done = tiny.run("render", "--out", str(out), "--offline")
    assert done.returncode == 0, done.stderr
    assert (out / "images" / "app-os1" / "Dockerfile").read_text().startswith("FROM parent\n")
    bake = (
        *(str(toolroot.path / BUILDX), "bake", "--file", "docker-bake.json"),
        *("--set", f"app-os1.output=type=oci,tar=false,dest={out}/layout", "app-os1"),
    )
    environment = {"DOCKER_HOST": docker_host, "BUILDX_CONFIG": str(out / "buildx")}
    runner.run(Command(argv=bake, cwd=out, env=environment))
    assert (out / "layout" / "index.json").is_file()


# What goes wrong.


def test_a_failed_build_blocks_its_descendants_and_keeps_what_was_offered(tiny: Tiny) -> None:
    assert tiny.run("weekly").returncode == 0
    before = digests(tiny, "app")
    tiny.dockerfile("tool", "FROM {{ parent }}\nRUN echo before-the-end && exit 3\n")
    tiny.dockerfile("other", "FROM {{ parent }}\nCOPY files/ /other/\nENV NEW=1\n")
    done = tiny.run("weekly")
    assert done.returncode == 5
    assert report(tiny) == {"base": "reused", "tool": "failed", "app": "blocked", "other": "done"}
    assert "before-the-end" in done.stderr
    assert re.search(r"hint: the whole log: .*/build/logs/build-tool_os=1\.log", done.stderr)
    assert "retry just this: builder step 'build:tool/os=1'" in done.stderr
    assert "- build:app/os=1: blocked — build:tool/os=1 failed" in done.stderr
    after = digests(tiny, "app")
    assert after["latest"] == before["latest"]
    assert after[f"latest-{RELEASE}.1"] == before["latest"]
    assert digests(tiny, "other")["latest"] != before["latest"]
    # Mended, the next run offers it again.
    tiny.dockerfile("tool", "FROM {{ parent }}\nCOPY files/ /tool/\nCOPY files/ /tool/mended/\n")
    assert tiny.run("weekly").returncode == 0
    assert digests(tiny, "app")["latest"] != before["latest"]


def test_a_failed_smoke_test_pushes_nothing(tiny: Tiny) -> None:
    test = tiny.root / "images" / "app" / "tests" / "test_app.py"
    test.write_text("def test_app(host):\n    assert host.run('false').rc == 0, 'it is broken'\n")
    done = tiny.run("build")
    assert done.returncode == 6
    assert "app/os=1: 1 of 2 smoke tests failed" in done.stderr
    assert f"test_app ({test}:2): AssertionError: it is broken" in done.stderr
    assert digests(tiny, "app") == {}
    assert digests(tiny, "base")


def test_an_immutable_tag_with_another_digest_stops_the_release(tiny: Tiny) -> None:
    assert tiny.run("build").returncode == 0
    store = tiny.session().adapters.store
    taken = tiny.place("app").with_tag(f"latest-{RELEASE}")
    (held,) = [tag for tag in digests(tiny, "base") if tag.startswith("fp-")]
    store.copy(tiny.place("base").with_tag(held), taken)
    done = tiny.run("publish")
    assert done.returncode == 7
    assert f"{taken} exists with another digest" in done.stderr
    assert "it never moves; nothing was published" in done.stderr
    assert store.tags(f"{tiny.registry}/{tiny.prefix}-releases") == ()
    assert "latest" not in digests(tiny, "other")


def test_a_registry_that_is_down_is_named(tiny: Tiny) -> None:
    done = tiny.run("plan", "--registry", "127.0.0.1:9")
    assert done.returncode == 5
    assert done.stderr.startswith("error: registry 127.0.0.1:9 does not answer: ")
    assert "hint: is it up, and is its name right in `catalog.registries`?" in done.stderr


def test_a_tool_that_is_missing_is_named(tiny: Tiny, tmp_path: Path) -> None:
    done = tiny.run("build", PATH=str(tmp_path))
    assert done.returncode == 4
    assert "apt-get install" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing_half_and_the_next_goes_on(
    tiny: Tiny, number: signal.Signals
) -> None:
    tiny.dockerfile("app", "FROM {{ parent }}\nCOPY --from=tool /tool/ /tool/\nRUN sleep 987\n")
    log = tiny.root / "stderr"
    with log.open("w") as sink:
        process = subprocess.Popen(
            tiny.command("weekly"), stderr=sink, stdout=subprocess.DEVNULL, env=tiny.environment()
        )
    try:
        wait(lambda: sleepers(tiny) != [], process)
        process.send_signal(number)
        code = process.wait(60)
    finally:
        process.kill()
    if number is not signal.SIGKILL:
        assert code == 130, log.read_text()
        text = log.read_text()
        assert re.search(r"- build:app/os=1: stopped after \d+ s; the next run goes on", text)
        written = tiny.root / "build" / "report.md"
        assert text.endswith(
            f"the report so far: {written}\nerror: stopped by {number.name}\n"
            "  hint: the next run resumes here, and reuses every image that passed\n"
        )
        assert f"\nStopped by {number.name}; the next run goes on" in written.read_text()
    wait(lambda: sleepers(tiny) == [])
    assert digests(tiny, "app") == {}
    assert tiny.session().adapters.store.tags(f"{tiny.registry}/{tiny.prefix}-releases") == ()
    tiny.dockerfile("app", "FROM {{ parent }}\nCOPY --from=tool /tool/ /tool/\nCOPY files/ /app/\n")
    done = tiny.run("weekly")
    assert done.returncode == 0, done.stderr
    assert report(tiny)["base"] == "reused"
    assert report(tiny)["app"] == "done"


def sleepers(tiny: Tiny) -> list[str]:
    """The processes of the RUN that never ends."""
    found = subprocess.run(
        ["pgrep", "--full", "^sleep 987$"], capture_output=True, text=True, check=False
    )
    return found.stdout.split()


def wait(holds: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until something holds, for as long as the process lives."""
    deadline = time.monotonic() + 60
    while not holds():
        assert process is None or process.poll() is None, "the builder ended too soon"
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_full_disk_is_told_and_the_next_run_goes_on(tiny: Tiny, runner: Runner) -> None:
    state = tiny.root / "build"
    big = "FROM {{ parent }}\nCOPY files/ /other/\nRUN dd if=/dev/zero of=/big bs=1M count=64\n"
    tiny.dockerfile("other", big)
    mount = ("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(state))
    runner.run(Command(argv=mount))
    try:
        done = tiny.run("weekly")
        assert done.returncode == 5
        assert "o space left on device" in done.stderr
        assert digests(tiny, "other") == {}
        runner.run(Command(argv=("mount", "-o", "remount,size=900m", str(state))))
        done = tiny.run("weekly")
        assert done.returncode == 0, done.stderr
        assert report(tiny)["other"] == "done"
    finally:
        runner.run(Command(argv=("umount", "--lazy", str(state))))


def test_a_week_by_docker(tiny: Tiny, toolroot: ToolRoot, docker_host: str) -> None:
    """A daemon is used where it answers; nothing but the engine is different."""
    config = tiny.root / "docker"
    config.mkdir()
    plugins = {"cliPluginsExtraDirs": [str((toolroot.path / BUILDX).parent)]}
    (config / "config.json").write_text(json.dumps(plugins))
    (config / "docker").symlink_to(toolroot.path / "usr/bin/docker")
    environment = {
        "DOCKER_HOST": docker_host,
        "DOCKER_CONFIG": str(config),
        "BUILDER_ENGINE": "auto",
        "PATH": f"{config}:{os.environ['PATH']}",
    }
    done = tiny.run("weekly", **environment)
    assert done.returncode == 0, done.stderr
    assert set(report(tiny).values()) == {"done"}
    assert "docker daemon: answers" in tiny.run("doctor", **environment).stdout
    # What docker built, podman goes on from.
    again = tiny.run("weekly")
    assert again.returncode == 0, again.stderr
    assert set(report(tiny).values()) == {"reused"}
