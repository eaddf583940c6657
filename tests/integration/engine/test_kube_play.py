"""A pod of a chart, run by the real podman 5, without a cluster."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.common.process import Command, Runner
from builder.engines.podman.host_probe import probe
from builder.oci.reference import Reference
from builder.testing import pod_runner
from builder.testing.pod_runner import HOST, KubePlayer, free_port
from builder.testing.toolroot import ToolRoot
from tests.integration.conftest import ROOT

CHART = """
---
apiVersion: v1
kind: Secret
metadata: {name: tiny-secret}
stringData: {WORD: 'open "sesame"'}
---
apiVersion: v1
kind: Secret
metadata: {name: tiny-files}
data: {file: %(file)s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: tiny-config}
data: {greeting: hello}
---
apiVersion: v1
kind: Service
metadata: {name: tiny}
spec: {ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: tiny}
spec:
  serviceName: tiny
  selector: {matchLabels: {app: tiny}}
  volumeClaimTemplates:
    - metadata: {name: home}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
  template:
    metadata: {labels: {app: tiny}}
    spec:
      serviceAccountName: tiny
      securityContext: {runAsUser: 1000, fsGroup: 100}
      initContainers:
        - name: prepare
          image: %(image)s
          command: [sh, -c, 'cat /secret/file > /home/prepared']
          volumeMounts: [{name: home, mountPath: /home}, {name: files, mountPath: /secret}]
      containers:
        - name: tiny
          image: %(image)s
          command: [sh, -c, %(command)s]
          env:
            - {name: GREETING, valueFrom: {configMapKeyRef: {name: tiny-config, key: greeting}}}
          envFrom: [{secretRef: {name: tiny-secret}}]
          ports: [{containerPort: 8080, name: http}]
          resources: {limits: {memory: 64Mi}}
          livenessProbe: {httpGet: {port: 8080, path: /}}
          volumeMounts: [{name: home, mountPath: /home}]
      volumes: [{name: files, secret: {secretName: tiny-files}}]
"""
SERVE = "cd /home; echo $GREETING $WORD $(cat prepared) $(id -u) > index.html; exec httpd -fp 8080"

KILLED = """
import sys, time
from pathlib import Path
root, state, manifests = map(Path, sys.argv[1:])
sys.path.insert(0, str(root))
from builder.engines.podman.host_probe import probe
from builder.testing.pod_runner import HOST, KubePlayer, free_port
from builder.common.process import Runner
from builder.testing.toolroot import ToolRoot
runner = Runner()
tools = ToolRoot(path=root / "build/toolroot", runner=runner)
player = KubePlayer(
    runner=runner, state=state, toolroot=tools, limits=probe(runner=runner).limits
)
with player.play(manifests.read_text(), port=8080) as played:
    print("answers", played.port, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def player(work: Path, runner: Runner, toolroot: ToolRoot) -> KubePlayer:
    """A player of pods."""
    limits = probe(runner=runner).limits
    return KubePlayer(runner=runner, state=work / "kube", toolroot=toolroot, limits=limits)


def chart(image: Reference, command: str) -> str:
    """The tiny chart, rendered."""
    file = base64.b64encode(b"from a secret").decode()
    return CHART % {"image": image, "command": f"'{command}'", "file": file}


def rules(runner: Runner, toolroot: ToolRoot) -> str:
    """The firewall rules of this host, of either kind."""
    command = Command(argv=("sh", "-ec", "iptables-save; nft list ruleset"))
    return runner.run(toolroot.command(command)).stdout


def test_images_of_earlier_pods_make_room(
    player: KubePlayer, parent: Reference, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def images() -> list[str]:
        file = work / "kube/storage/overlay-images/images.json"
        return [name for image in json.loads(file.read_text()) for name in image.get("names", [])]

    with player.play(chart(parent, SERVE), port=8080, log=work / "kube.log"):
        pass
    assert str(parent) in images()
    monkeypatch.setattr(pod_runner, "FREE_SPACE", sys.maxsize)
    gone = chart(parent.with_tag("gone"), SERVE)
    with pytest.raises(StepError), player.play(gone, port=8080, log=work / "kube.log"):
        pass
    assert str(parent) not in images()


def test_a_pod_answers_and_leaves_nothing(
    player: KubePlayer, parent: Reference, runner: Runner, toolroot: ToolRoot, work: Path
) -> None:
    for _ in range(2):
        with player.play(chart(parent, SERVE), port=8080, log=work / "kube.log") as played:
            assert f"dport {played.port} " in rules(runner, toolroot)
            assert played.pod == "tiny-0"
            with urllib.request.urlopen(played.url, timeout=5) as answer:
                assert answer.read().decode() == 'hello open "sesame" from a secret 1000\n'
        assert f"dport {played.port} " not in rules(runner, toolroot)
        assert not list((work / "kube").glob("*.yaml"))
        assert str(work / "kube") not in Path("/proc/mounts").read_text()


def test_nothing_survives_a_kill(
    player: KubePlayer, parent: Reference, runner: Runner, toolroot: ToolRoot, work: Path
) -> None:
    manifests = work / "killed.yaml"
    manifests.write_text(chart(parent, SERVE))
    state = work / "kube"
    child = runner.spawn(
        Command(argv=(sys.executable, "-c", KILLED, str(ROOT), str(state), str(manifests))),
        log=work / "killed.log",
    )
    port = _port_of(work / "killed.log")
    assert f"dport {port} " in rules(runner, toolroot)
    child.kill()
    for _ in range(100):
        if f"dport {port} " not in rules(runner, toolroot) and not _processes(state):
            return
        time.sleep(0.1)
    raise AssertionError(f"left over: {_processes(state)}\n{rules(runner, toolroot)}")


def _port_of(log: Path) -> str:
    for _ in range(300):
        found = re.search(r"^answers (\d+)$", log.read_text() if log.exists() else "", re.M)
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def _processes(state: Path) -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            text = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(state) in text:
                found.append(text)
    return found


def test_a_pod_that_ends_is_a_failure(player: KubePlayer, parent: Reference, work: Path) -> None:
    log = work / "kube-failing.log"
    with (
        pytest.raises(StepError) as caught,
        player.play(
            chart(parent, "echo alas, $WORD; exit 3"),
            port=8080,
            log=log,
            timeout=60.0,
            secrets=("sesame",),
        ),
    ):
        pass
    first, *said = caught.value.message.splitlines()
    assert first.startswith("the pod ended, or podman could not play it (")
    assert any("alas" in line for line in said)
    assert "sesame" not in str(caught.value)
    assert caught.value.hint == f"the whole log: {log}"
    assert "alas" in log.read_text()


def test_a_pod_in_a_folder_of_an_odd_name(
    runner: Runner, parent: Reference, work: Path, toolroot: ToolRoot
) -> None:
    folder = work / 'it\'s a "b" é#%20'
    player = KubePlayer(runner=runner, state=folder / "kube", toolroot=toolroot)
    with player.play(chart(parent, SERVE), port=8080, log=folder / "a,b.log") as played:
        assert urllib.request.urlopen(played.url, timeout=10).status == 200


def test_what_the_first_pod_waits_for(runner: Runner, tmp_path: Path, toolroot: ToolRoot) -> None:
    absent = ToolRoot(path=tmp_path / "toolroot", runner=runner)
    for tools, waits in ((absent, "getting podman 5"), (toolroot, ""), (None, "")):
        player = KubePlayer(runner=runner, state=tmp_path / "kube", toolroot=tools)
        assert player.waits_for == waits


def test_a_pod_on_the_network_of_the_host(
    player: KubePlayer, parent: Reference, runner: Runner, work: Path
) -> None:
    port = free_port()
    serve = SERVE.replace("8080", str(port))
    log = work / "kube.log"
    with player.play(chart(parent, serve), port=port, network=HOST, log=log) as played:
        assert played.port == port
        with urllib.request.urlopen(played.url, timeout=5) as answer:
            assert answer.read().decode().startswith("hello")
        command = Command(argv=(*played.enter, "podman", "ps", "--quiet"), env=played.env)
        assert len(runner.run(command).stdout.split()) == 2  # its own, and the one that holds it


TESTS = """
---
apiVersion: v1
kind: Pod
metadata: {name: tiny-test, annotations: {helm.sh/hook: test}}
spec:
  restartPolicy: Never
  containers:
    - name: ask
      image: %(image)s
      env: [{name: WORD, valueFrom: {secretKeyRef: {name: tiny-secret, key: WORD}}}]
      command: [sh, -c, 'wget -q -O - http://tiny:8080/ | grep -F "$WORD" && %(then)s']
"""


@pytest.mark.parametrize("network", ["catalog", HOST])
def test_the_pod_of_helm_test_meets_the_service(
    player: KubePlayer, parent: Reference, work: Path, network: str
) -> None:
    manifests = chart(parent, SERVE)
    log = work / "kube.log"
    with player.play(manifests, port=8080, network=network, log=log) as played:
        said = manifests + TESTS % {"image": parent, "then": "echo well"}
        assert player.test(played, said, log=log) == 1
        assert "well" in log.read_text()
    with player.play(manifests, port=8080, network=network, log=log) as played:
        failing = manifests + TESTS % {"image": parent, "then": "exit 3"}
        with pytest.raises(StepError, match="helm test failed with exit code 3"):
            player.test(played, failing, log=log)


def test_a_pod_that_speaks_no_http_is_ready_once_it_listens(
    player: KubePlayer, parent: Reference, work: Path
) -> None:
    ready = "readinessProbe: {tcpSocket: {port: 8080}}"
    manifests = chart(parent, "sleep 1; nc -l -p 8080 > /home/said; exec sleep 600").replace(
        "livenessProbe: {httpGet: {port: 8080, path: /}}", ready
    )
    with player.play(manifests, port=8080, log=work / "kube.log") as played:
        with socket.create_connection(("127.0.0.1", played.port), timeout=5) as client:
            client.sendall(b"hello")
        command = Command(
            argv=("podman", "exec", played.container, "cat", "/home/said"),
            env=player.client(played),
        )
        # What waited for the pod said nothing to it.
        assert Runner().run(command).stdout == "hello"


def test_a_command_says_whether_a_pod_is_ready(
    player: KubePlayer, parent: Reference, runner: Runner, work: Path
) -> None:
    """What speaks no HTTP; the engine's own client finds the container."""
    ready = "readinessProbe: {exec: {command: [test, -e, /home/ready]}}"
    manifests = chart(parent, "sleep 1; touch /home/ready; exec sleep 600").replace(
        "livenessProbe: {httpGet: {port: 8080, path: /}}", ready
    )
    with player.play(manifests, port=8080, log=work / "kube.log") as played:
        argv = ("podman", "exec", played.container, "ls", "/home/ready")
        command = Command(argv=argv, env=player.client(played))
        assert runner.run(command).stdout == "/home/ready\n"
