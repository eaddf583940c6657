"""What every engine must do, tried on the real ones."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from builder.common.errors import BuilderError, StepError
from builder.common.process import Command, Runner
from builder.common.state_dir import StateDir
from builder.engines.interfaces import BuildNetwork, Container, StartRequest
from builder.engines.table import ENGINES, choose
from builder.oci import layout as layouts
from builder.registry.store import RegistryStore
from tests.integration.engine.conftest import Bench
from tests.integration.faults.gate import Answer, Forward, Gate, Rule

NAP = "598.7"  # seconds that no other program sleeps
COPY = "FROM parent\nCOPY hello /hello\n"
SERVE = "mkdir /w; printf '%s\\n' \"$ODD\" > /w/index.html; exec httpd -f -p 8080 -h /w"


def fetch(port: int) -> str:
    """What a container serves, once it does."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                text: str = answer.read().decode()
                return text
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"nothing answers on port {port}")


_LOG_PIECE = re.compile(r"\n\S+ std(?:out|err) [PF] ")


def wait_for_text(file: Path, text: str) -> None:
    """Fail where a file does not have a text within ten seconds.

    podman may log in pieces what a program writes in pieces.
    """
    end = time.monotonic() + 10
    while text not in (found := _LOG_PIECE.sub("", file.read_text() if file.exists() else "")):
        assert time.monotonic() < end, found
        time.sleep(0.05)


def wait_for_end(bench: Bench, container: Container) -> str:
    """Return how a container ended. Fail where it runs for more than twenty seconds."""
    end = time.monotonic() + 20
    while not (how := bench.engine.ended(container)):
        assert time.monotonic() < end, "the container does not end"
        time.sleep(0.05)
    return how


def remove_ended(bench: Bench, container: Container) -> None:
    """Remove a container once it has ended: one engine writes its log as it runs, another then."""
    wait_for_end(bench, container)
    bench.engine.remove(container)


def process_lines() -> str:
    """The command lines of every process of this machine."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(lines)


def test_layout_is_whole(bench: Bench) -> None:
    request = bench.request(COPY)
    built = bench.engine.build(request)
    assert built.layout == request.layout
    assert layouts.entry(built.layout)["digest"] == built.digest
    manifest = layouts.read(built.layout, built.digest)
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    items = [manifest["config"], *manifest["layers"]]
    for item in items:
        content = layouts.blob(built.layout, item["digest"]).read_bytes()
        assert "sha256:" + hashlib.sha256(content).hexdigest() == item["digest"]
    manifest_size = layouts.blob(built.layout, built.digest).stat().st_size
    assert built.size == manifest_size + sum(item["size"] for item in items)


def test_who_looks_on_is_told_which_instruction_runs(bench: Bench) -> None:
    lines: list[str] = []
    bench.engine.build(bench.request(f"{COPY}RUN echo more > /more\n", on_line=lines.append))
    assert "2/3" in map(bench.engine.instruction, lines)  # BuildKit counts from the parent


@pytest.mark.parametrize(("network", "routes"), [("none", "-eq 1"), ("private", "-gt 1")])
def test_a_build_does_not_reach_this_machine(
    bench: Bench, network: BuildNetwork, routes: str
) -> None:
    """The first line of the table of routes is its head."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        text = f"{COPY}RUN test $(wc -l < /proc/net/route) {routes} && ! nc -w 2 127.0.0.1 {port}\n"
        built = bench.engine.build(bench.request(text, network=network))
        assert (built.isolation, built.network) == ("kernel", network)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_same_inputs_give_the_same_digest(bench: Bench) -> None:
    first = bench.engine.build(bench.request(COPY))
    second = bench.engine.build(bench.request(COPY))
    assert first.digest == second.digest


def test_layers_of_the_parent_are_below(bench: Bench) -> None:
    built = bench.engine.build(bench.request(COPY))
    config = layouts.read(
        built.layout, layouts.read(built.layout, built.digest)["config"]["digest"]
    )
    assert len(config["rootfs"]["diff_ids"]) == 3
    assert bench.parent.registry not in str(config)


def test_layers_of_the_parent_keep_their_names(bench: Bench) -> None:
    """The registry's are named, and the result is what it is without their being told."""
    told = bench.engine.build(bench.request(COPY, name="told", below=bench.layers))
    untold = bench.engine.build(bench.request(COPY, name="untold"))
    assert told.digest == untold.digest
    assert told.size == untold.size
    lower, (own,) = layouts.layers_in(told.layout)[:-1], layouts.layers_in(told.layout)[-1:]
    assert [(it.digest, it.size, it.diff) for it in lower] == [
        (it.digest, it.size, it.diff) for it in bench.layers
    ]
    assert layouts.blob(told.layout, own.digest).stat().st_size == own.size
    left_out = [it.digest for it in lower] if not bench.engine.keeps_elsewhere else []
    assert [it.digest for it in layouts.missing(told.layout)] == left_out
    known = {told.digest, layouts.read(told.layout, told.digest)["config"]["digest"]}
    known |= {it.digest for it in layouts.layers_in(told.layout)}
    held = {f"sha256:{file.name}" for file in (told.layout / "blobs" / "sha256").iterdir()}
    assert held <= known


def test_layers_of_another_compression_keep_their_names(bench: Bench) -> None:
    """As a parent's can be that another engine has pushed."""
    others = tuple(
        replace(it, digest=f"sha256:{n:064}", size=n, kind="application/x-test")
        for n, it in enumerate(bench.layers)
    )
    built = bench.engine.build(bench.request(COPY, name="told", below=others))
    # BuildKit has what it pulled, compressed: it leaves nothing out, and is not told.
    named = others if not bench.engine.keeps_elsewhere else bench.layers
    assert [(it.digest, it.size, it.diff) for it in layouts.layers_in(built.layout)[:-1]] == [
        (it.digest, it.size, it.diff) for it in named
    ]


def test_an_input_is_copied_from(bench: Bench) -> None:
    bench.contexts["tool"] = bench.parent
    copy = "COPY --from=tool /bin/busybox /opt/busybox\nRUN /opt/busybox true\n"
    built = bench.engine.build(bench.request(f"FROM parent\n{copy}"))
    assert built.digest


def test_stages_and_another_build_on_the_same_parent(bench: Bench) -> None:
    """The parent is named twice; another build on it begins and ends between the two."""
    stages = (
        "FROM parent AS build\nRUN touch /begun && sleep 8 && cp /bin/busybox /busybox\n"
        "FROM parent\nCOPY --from=build /busybox /busybox\nRUN /busybox true && test ! -e /begun\n"
    )
    found: list[str] = []
    slow = threading.Thread(
        target=lambda: found.append(bench.engine.build(bench.request(stages, name="slow")).digest)
    )
    slow.start()
    log = bench.folder / "slow.log"
    end = time.monotonic() + 30
    while not (log.exists() and "sleep" in log.read_text()) and time.monotonic() < end:
        time.sleep(0.1)
    bench.engine.build(bench.request(COPY, name="quick"))
    slow.join()
    assert found, log.read_text()


def test_what_a_run_mounts_counts(bench: Bench) -> None:
    """The same lines on the same parent, with other files: not what was built before."""
    mounted = "FROM parent\nRUN --mount=type=bind,source=files,target=/files cp /files/word /word\n"
    found = []
    for word in ("one", "two"):
        request = bench.request(mounted, name=word)
        (request.context / "files").mkdir()
        (request.context / "files" / "word").write_text(word)
        found.append(bench.engine.build(request).digest)
    assert found[0] != found[1]


def test_a_secret_reaches_no_layer(bench: Bench) -> None:
    secret = bench.folder / "secret"
    secret.write_text("hunter2-unmistakable")
    dockerfile = (
        "FROM parent\nRUN --mount=type=secret,id=key,mode=0444 "
        'test "$(cat /run/secrets/key)" = hunter2-unmistakable\n'
    ).replace("= hunter2-unmistakable", f"= $(echo {secret.read_text()[::-1]} | rev)")
    built = bench.engine.build(bench.request(dockerfile, secrets={"key": secret}))
    names = [item["digest"] for item in layouts.read(built.layout, built.digest)["layers"]]
    for digest in (built.digest, *names):
        argv = ("sh", "-c", 'zcat -f "$0"', str(layouts.blob(built.layout, digest)))
        assert "hunter2" not in Runner().run(Command(argv=argv)).stdout
    config = layouts.read(built.layout, built.digest)["config"]["digest"]
    assert "hunter2" not in layouts.blob(built.layout, config).read_text()


def test_a_failing_run_says_why(bench: Bench) -> None:
    request = bench.request("FROM parent\nRUN echo the last words; exit 7\n")
    with pytest.raises(StepError) as caught:
        bench.engine.build(request)
    assert "the last words" in str(caught.value)
    assert str(request.log) in str(caught.value)
    assert request.log is not None
    assert "the last words" in request.log.read_text()
    assert not request.layout.exists()


def test_the_cause_of_a_failure_is_shown_though_much_was_said_before(bench: Bench) -> None:
    said = "FROM parent\nRUN seq 100; echo the cause >&2; exit 7\n"
    with pytest.raises(StepError) as caught:
        bench.engine.build(bench.request(said))
    assert "the cause" in str(caught.value)


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_an_image_is_the_same_under_any_umask(bench: Bench, mask: int) -> None:
    made = "RUN mkdir /made && touch /made/file\nWORKDIR /work/deep\n"
    check = 'test "$(stat -c %a /made /made/file /work /work/deep | xargs)" = "755 644 755 755"\n'
    before = os.umask(mask)
    try:
        bench.engine.build(bench.request(f"FROM parent\n{made}RUN {check}"))
    finally:
        os.umask(before)


def test_files_of_odd_names(bench: Bench) -> None:
    folder = bench.folder / 'a "b" é'
    folder.mkdir()
    secret, log = folder / "it's a=secret", folder / "one,two=3.log"
    secret.write_text("x")
    text = "FROM parent\nRUN --mount=type=secret,id=key test -s /run/secrets/key\nCOPY hello /\n"
    context = folder / "context"
    context.mkdir()
    for name, content in {"Dockerfile": text, "hello": "hello\n"}.items():
        (context / name).write_text(content)
    layout = folder / "layout"
    request = bench.request(text, context=context, layout=layout, secrets={"key": secret})
    built = bench.engine.build(request)
    assert layouts.entry(layout)["digest"] == built.digest
    container = bench.engine.start(
        StartRequest(image=built.local, command=("echo", "spoken"), log=log)
    )
    remove_ended(bench, container)
    wait_for_text(log, "spoken")
    assert sorted(path.name for path in folder.iterdir() if "one" in path.name) == [log.name]


def test_a_build_has_a_time_limit(bench: Bench) -> None:
    mark = f"{4000 + os.getpid() % 1000}.{time.monotonic_ns() % 997}"
    began = time.monotonic()
    with pytest.raises(StepError) as caught:
        bench.engine.build(bench.request(f"FROM parent\nRUN sleep {mark}\n", timeout=4.0))
    assert "was stopped after 4 s" in str(caught.value)
    assert time.monotonic() - began < 20
    for _ in range(50):
        if f"sleep {mark}" not in process_lines():
            return
        time.sleep(0.1)
    raise AssertionError("what the build ran goes on")


def test_builds_share_a_cache(bench: Bench) -> None:
    dockerfile = (
        "FROM parent\n"
        "RUN --mount=type=cache,id=one,target=/a --mount=type=cache,id=two,target=/b "
        "exec 9>/a/lock; flock 9; ! test -e /a/busy; touch /a/busy; sleep 0.5; rm /a/busy; "
        "echo {} > /a/last\n"
        "RUN --mount=type=cache,id=two,target=/b --mount=type=cache,id=one,target=/a "
        "test -s /a/last; echo {}\n"
    )
    stamp = time.monotonic_ns()
    errors: list[BuilderError] = []

    def build(name: str) -> None:
        text = dockerfile.replace("{}", f"{name}{stamp}")
        try:
            bench.engine.build(bench.request(text, name=name))
        except BuilderError as error:
            errors.append(error)

    threads = [threading.Thread(target=build, args=(name,)) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_a_container_serves_and_its_environment_is_not_seen(bench: Bench) -> None:
    odd = "a \"b\" 'c' $d\n\\e=é unmistakable-value"
    built = bench.engine.build(bench.request(COPY))
    container = bench.engine.start(
        StartRequest(
            image=built.local,
            command=("sh", "-c", SERVE),
            env={"ODD": odd, "HOME": "/root"},
            ports=(8080,),
            log=bench.folder / "container.log",
        )
    )
    try:
        assert "unmistakable" not in process_lines()
        assert fetch(container.ports[8080]) == odd + "\n"
    finally:
        bench.engine.remove(container)


def test_a_program_is_run_in_a_container(bench: Bench) -> None:
    built = bench.engine.build(bench.request(COPY))
    container = bench.engine.start(StartRequest(image=built.local, command=("sleep", "600")))
    try:
        argv = (*container.enter, "sh", "-c", 'cat /hello; echo "$0"', "it's me")
        assert Runner().run(Command(argv=argv, env=container.env)).stdout == "hello\nit's me\n"
    finally:
        bench.engine.remove(container)


def test_a_restricted_container_has_no_capability_and_gains_none(bench: Bench) -> None:
    built = bench.engine.build(bench.request(COPY))
    found = {}
    for is_restricted in (False, True):
        container = bench.engine.start(
            StartRequest(image=built.local, command=("sleep", "600"), is_restricted=is_restricted)
        )
        try:
            # Both its own program and one that is run in it.
            argv = (*container.enter, "sh", "-c", "cat /proc/1/status /proc/self/status")
            status = Runner().run(Command(argv=argv, env=container.env)).stdout
        finally:
            bench.engine.remove(container)
        found[is_restricted] = {
            name: {int(line.split()[1], 16) for line in status.splitlines() if name in line}
            for name in ("CapBnd:", "CapEff:", "NoNewPrivs:")
        }
    assert found[True] == {"CapBnd:": {0}, "CapEff:": {0}, "NoNewPrivs:": {1}}
    assert 0 not in found[False]["CapBnd:"]


def test_what_is_dropped_is_gone(bench: Bench) -> None:
    dockerfile = "FROM parent\nRUN dd if=/dev/urandom of=/noise bs=1M count=4\n"
    built = bench.engine.build(bench.request(dockerfile, name="heavy"))
    bench.engine.drop(built.local)
    bench.engine.drop(str(bench.parent))
    with pytest.raises(BuilderError):
        bench.engine.start(StartRequest(image=built.local, command=("true",)))
    again = bench.engine.build(bench.request(COPY))  # its parent is fetched once more
    assert again.digest
    bench.engine.drop(again.local)


@pytest.mark.parametrize("bench", ["podman"], indirect=True)  # Docker has one copy of both
def test_a_parent_that_was_built_here_takes_its_room_once(bench: Bench) -> None:
    built = bench.engine.build(bench.request(COPY, name="lower"))
    place = bench.parent.with_tag("lower")
    store = RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)
    lower = place.at(store.push(built.layout, place, bench.parent))
    upper = bench.request("FROM parent\nRUN true\n", name="upper", contexts={"parent": lower})
    above = bench.engine.build(upper)
    with pytest.raises(BuilderError):
        bench.engine.start(StartRequest(image=built.local, command=("true",)))
    for name in (str(lower), above.local):
        bench.engine.drop(name)


@pytest.mark.parametrize("bench", ["podman"], indirect=True)  # a daemon sees to that by itself
def test_an_image_is_dropped_while_one_with_a_layer_of_it_is_pulled(
    bench: Bench, gate: Gate
) -> None:
    """podman takes that layer from there, which it does once it has those below."""
    text = "FROM parent\nCOPY large /\nCOPY hello /\n"
    requests = {
        "pulled": bench.request(text, name="pulled"),
        "dropped": bench.request(COPY, name="dropped"),
    }
    (requests["pulled"].context / "large").write_bytes(b"large and ")
    pulled = bench.engine.build(requests["pulled"])
    place = bench.parent.with_tag("pulled")
    store = RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)
    pinned = place.at(store.push(pulled.layout, place, bench.parent))
    bench.engine.drop(pulled.local)
    dropped = bench.engine.build(requests["dropped"])
    *_, large, hello = layouts.layers_in(pulled.layout)
    assert hello.diff in {layer.diff for layer in layouts.layers_in(dropped.layout)}

    drop = threading.Thread(target=bench.engine.drop, args=(dropped.local,))
    waits: list[bool] = []

    def begin_to_drop(forward: Forward) -> Answer:
        """Drop the image when podman asks for the layer below, which comes after a while."""
        drop.start()
        drop.join(2)
        waits.append(drop.is_alive())
        return forward()

    gate.upstream = bench.parent.registry
    image = str(pinned).replace(gate.upstream, gate.address, 1)
    log = bench.folder / "said"
    with gate.goes_wrong(Rule(about=f"GET .*/blobs/{large.digest}$", act=begin_to_drop)):
        command = ("cat", "/large", "/hello")
        container = bench.engine.start(StartRequest(image=image, command=command, log=log))
    drop.join()
    assert waits == [True]
    remove_ended(bench, container)
    wait_for_text(log, "large and hello")
    with pytest.raises(BuilderError):
        bench.engine.start(StartRequest(image=dropped.local, command=("true",)))
    bench.engine.drop(image)


def test_images_of_registries_are_listed_until_they_are_dropped(bench: Bench) -> None:
    request = StartRequest(image=str(bench.parent), command=("sleep", "60"))
    bench.engine.remove(bench.engine.start(request))
    assert bench.engine.images()[str(bench.parent)] > 0
    bench.engine.drop(str(bench.parent))
    assert str(bench.parent) not in bench.engine.images()


def test_removing_twice_is_fine(bench: Bench) -> None:
    built = bench.engine.build(bench.request(COPY))
    container = bench.engine.start(
        StartRequest(image=built.local, command=("sleep", NAP), log=bench.folder / "log")
    )
    for _ in range(2):
        bench.engine.remove(container)
        assert f"sleep {NAP}" not in process_lines()
    for _ in range(2):
        bench.engine.drop(built.local)
        with pytest.raises(BuilderError):
            bench.engine.start(StartRequest(image=built.local, command=("true",)))


def test_an_image_of_a_registry_starts(bench: Bench) -> None:
    log = bench.folder / "said"
    container = bench.engine.start(
        StartRequest(image=str(bench.parent), command=("echo", "spoken"), log=log)
    )
    remove_ended(bench, container)
    wait_for_text(log, "spoken")


def test_how_a_container_ended_is_told(bench: Bench) -> None:
    # Docker reads the two streams by themselves: what is close in time has no order.
    words = "seq 20; sleep 1; echo the last words >&2; exit 3"
    request = StartRequest(
        image=str(bench.parent), command=("sh", "-c", words), log=bench.folder / "said"
    )
    container = bench.engine.start(request)
    told = wait_for_end(bench, container).splitlines()
    assert told[0] == "failed with exit code 3"
    assert sorted(told[1:]) == sorted([*(f"    {n}" for n in range(10, 21)), "    the last words"])
    bench.engine.remove(container)


def test_a_container_that_runs_has_not_ended(bench: Bench) -> None:
    container = bench.engine.start(
        StartRequest(image=str(bench.parent), command=("sleep", "600"), log=bench.folder / "said")
    )
    assert bench.engine.ended(container) == ""
    bench.engine.remove(container)


def test_a_service_that_ends_at_once_says_why(bench: Bench) -> None:
    words = 'echo "no room for $KEY" >&2; exit 3'
    request = StartRequest(
        image=str(bench.parent),
        command=("sh", "-c", words),
        env={"KEY": "unmistakable"},
        ports=(8080,),
        log=bench.folder / "said",
    )
    for _ in range(3):  # it may be seen before it ends
        try:
            container = bench.engine.start(request)
        except StepError as error:
            text = str(error)
            assert "no room for ***" in text
            assert str(request.log) in text
        else:
            time.sleep(0.5)
            assert "no room for unmistakable" in bench.engine.ended(container)
            bench.engine.remove(container)


def test_a_start_that_fails_leaves_nothing(bench: Bench) -> None:
    built = bench.engine.build(bench.request(COPY))
    bench.engine.clean_up()
    with pytest.raises(StepError):
        bench.engine.start(StartRequest(image=built.local, command=("/no/such/program",)))
    assert bench.engine.clean_up() == ()


def test_what_a_killed_run_left_is_removed(bench: Bench) -> None:
    built = bench.engine.build(bench.request(COPY))
    container: Container = bench.engine.start(
        StartRequest(image=built.local, command=("sleep", "600"))
    )
    assert container.id in bench.engine.clean_up()
    assert bench.engine.clean_up() == ()


def test_the_shell_lines_build_the_same(bench: Bench) -> None:
    request = bench.request(COPY)
    built = bench.engine.build(request)
    script = "\n".join((*bench.engine.preamble(), *bench.engine.commands(request)))
    Runner().run(Command(argv=("sh", "-eu"), stdin=script.encode(), timeout=60.0))
    if not bench.engine.keeps_elsewhere:  # its history tells of its storage
        layouts.canonize(request.layout, ())
    assert layouts.entry(request.layout)["digest"] == built.digest


@pytest.mark.parametrize("bench", ["podman"], indirect=True)  # a daemon has one storage
def test_builds_in_two_storages_give_the_same_digest(bench: Bench, runner: Runner) -> None:
    """What an engine calls the images between two steps is its own affair."""
    steps = f"{COPY}RUN echo one > /one\nENV ONE=1\nRUN echo two > /two\n"
    first = bench.engine.build(bench.request(steps))
    other = choose(bench.engine.name, runner, StateDir(bench.folder))
    again = other.build(bench.request(steps, name="again", id=f"{bench.folder.name}/image"))
    assert again.digest == first.digest
    ENGINES.get(bench.engine.name).remove_state(bench.folder / bench.engine.name)


def test_the_shell_lines_make_an_index(bench: Bench) -> None:
    """Of an image and another: as it would be of one for each platform."""
    sources = []
    for name in ("one", "two"):
        built = bench.engine.build(bench.request(f"{COPY}RUN echo {name} > /x\n", name=name))
        place = bench.parent.with_tag(f"{bench.folder.name}-{name}")
        store = RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)
        store.push(built.layout, place, bench.parent)
        sources.append(place)
    targets = [bench.parent.with_tag(f"{bench.folder.name}-{tag}") for tag in ("a", "b")]
    lines = bench.engine.index_commands(f"several-{time.monotonic_ns()}", sources, targets)
    script = "\n".join((*bench.engine.preamble(), *lines))
    Runner().run(Command(argv=("sh", "-eu"), stdin=script.encode(), timeout=60.0))
    for target in targets:
        argv = ("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{target}")
        index = json.loads(Runner().run(Command(argv=argv)).stdout)
        assert len(index["manifests"]) == 2
