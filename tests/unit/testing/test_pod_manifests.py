"""A chart's manifests, turned into one pod."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from builder.common.errors import ConfigError, StepError
from builder.testing import pod_manifests
from builder.testing.pod_manifests import (
    dump,
    helm_tests,
    images_of,
    parse,
    playable,
    pod_of,
    references,
    workload_of,
)
from builder.testing.pod_runner import _alive, _quoted, network_of

SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: used}
stringData: {PASSWORD: pa$$ "word"}
"""
STATEFUL = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: lab}
spec:
  volumeClaimTemplates:
    - metadata: {name: home}
      spec: {resources: {requests: {storage: 1Gi}}}
  template:
    metadata: {labels: {app: lab}}
    spec:
      serviceAccountName: lab
      nodeSelector: {gpu: "true"}
      securityContext: {fsGroup: 100}
      containers:
        - name: side
          image: 127.0.0.1:5005/side@sha256:1
          ports: [{containerPort: 1}]
        - name: lab
          image: 127.0.0.1:5005/lab:1
          ports: [{containerPort: 8888, name: http}, {containerPort: 4040}]
          resources: {limits: {memory: 1Gi}}
          readinessProbe: {httpGet: {port: 8888}}
          envFrom: [{secretRef: {name: used}}]
      volumes:
        - {name: settings, configMap: {name: settings}}
        - {name: files, secret: {secretName: absent}}
"""
OTHERS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: unused}
---
apiVersion: v1
kind: Service
metadata: {name: lab}
---
# nothing but a comment
"""
CHART = "---".join((SECRET, OTHERS, STATEFUL))


def played() -> list[dict[str, Any]]:
    """What would be played of the chart."""
    return parse(playable(CHART, port=8888, host_port=40000).text)


def test_only_what_the_pod_uses_is_played() -> None:
    found = [(item["kind"], item["metadata"]["name"]) for item in played()]
    assert found == [
        ("ConfigMap", "settings"),
        ("Secret", "used"),
        ("PersistentVolumeClaim", "home-lab-0"),
        ("Pod", "lab-0"),
    ]


def test_the_text_of_a_secret_is_encoded() -> None:
    secret = played()[1]
    assert "stringData" not in secret
    assert base64.b64decode(secret["data"]["PASSWORD"]).decode() == 'pa$$ "word"'


def test_one_port_is_published_on_the_loopback() -> None:
    side, lab = played()[-1]["spec"]["containers"]
    assert "ports" not in side
    assert lab["ports"] == [{"containerPort": 8888, "hostPort": 40000, "hostIP": "127.0.0.1"}]


def test_what_only_a_cluster_can_do_is_left_out() -> None:
    spec = played()[-1]["spec"]
    assert spec.keys() == {"containers", "restartPolicy", "securityContext", "volumes"}
    assert spec["restartPolicy"] == "Never"
    assert spec["containers"][1].keys() == {"name", "image", "ports", "envFrom"}


def test_a_claim_becomes_a_volume_of_the_pod_s_group() -> None:
    claim, pod = played()[-2:]
    assert claim["metadata"]["annotations"] == {
        "volume.podman.io/uid": "0",
        "volume.podman.io/gid": "100",
    }
    assert pod["spec"]["volumes"][-1] == {
        "name": "home",
        "persistentVolumeClaim": {"claimName": "home-lab-0"},
    }


def test_a_deployment_has_a_pod_of_its_name() -> None:
    workload = workload_of(parse(STATEFUL.replace("StatefulSet", "Deployment")))
    assert pod_of(workload)[0]["metadata"] == {"labels": {"app": "lab"}, "name": "lab"}


@pytest.mark.parametrize("text", ["", SECRET, "---".join((STATEFUL, STATEFUL))])
def test_a_chart_has_one_workload(text: str) -> None:
    with pytest.raises(ConfigError, match="one StatefulSet or Deployment"):
        playable(text, port=1, host_port=2)


def test_what_is_not_yaml_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not YAML"):
        parse("a: [")


def test_references_are_found_wherever_they_stand() -> None:
    spec = {
        "env": [
            {"valueFrom": {"secretKeyRef": {"name": "a", "key": "k"}}},
            {"valueFrom": {"configMapKeyRef": {"name": "b", "key": "k"}}},
        ],
        "envFrom": [{"configMapRef": {"name": "c"}}],
        "volumes": [
            {"projected": {"sources": [{"secret": {"name": "d"}}]}},
            {"persistentVolumeClaim": {"claimName": "e"}},
            {"emptyDir": {}},
        ],
    }
    assert references(spec) == {
        ("Secret", "a"),
        ("ConfigMap", "b"),
        ("ConfigMap", "c"),
        ("Secret", "d"),
        ("PersistentVolumeClaim", "e"),
    }


def test_images() -> None:
    text = playable(CHART, port=8888, host_port=1).text
    assert images_of(text) == ("127.0.0.1:5005/lab:1", "127.0.0.1:5005/side@sha256:1")


def test_two_projects_have_two_networks(tmp_path: Any) -> None:
    one, two = network_of(tmp_path / "one"), network_of(tmp_path / "two")
    assert one != two
    assert len(one[0]) <= 15


def test_a_long_text_with_backslashes_stays_as_it_is() -> None:
    text = "\n".join(f"printf '{n} HTTP/1.0\\r\\nHost: %s\\r\\n'" for n in range(20))
    assert parse(dump([{"command": ["sh", "-c", text]}])) == [{"command": ["sh", "-c", text]}]


def test_the_container_that_has_the_port_says_whether_it_is_ready() -> None:
    asked = "readinessProbe: {exec: {command: [is_ready, --quiet]}}"
    text = CHART.replace("readinessProbe: {httpGet: {port: 8888}}", asked)
    found = playable(text, port=8888, host_port=1)
    assert (found.pod, found.container) == ("lab-0", "lab-0-lab")
    assert found.probe == ("is_ready", "--quiet")
    assert playable(text, port=1, host_port=1).container == "lab-0-side"
    assert playable(CHART, port=8888, host_port=1).probe == ()


def test_what_a_kubelet_connects_to_is_ready_once_it_listens() -> None:
    asked = "readinessProbe: {tcpSocket: {port: 8888}}"
    text = CHART.replace("readinessProbe: {httpGet: {port: 8888}}", asked)
    pattern = ":22B8 [0-9A-F]+:0000 0A"
    files = ("/proc/net/tcp", "/proc/net/tcp6")
    assert playable(text, port=8888, host_port=1).probe == ("grep", "-Eqs", pattern, *files)


TEST = """
apiVersion: v1
kind: Pod
metadata: {name: lab-test, annotations: {helm.sh/hook: test}}
spec:
  automountServiceAccountToken: false
  containers:
    - name: ask
      image: 127.0.0.1:5005/lab:1
      envFrom: [{secretRef: {name: used}}, {secretRef: {name: own}}]
---
apiVersion: v1
kind: Secret
metadata: {name: own}
stringData: {a: b}
---
apiVersion: v1
kind: Pod
metadata: {name: before, annotations: {helm.sh/hook: pre-install}}
spec: {containers: [{name: x, image: y}]}
"""


def test_the_pod_of_helm_test_knows_the_service_and_brings_what_is_not_there() -> None:
    ((container, text),) = helm_tests("---".join((CHART, TEST)), address="10.0.0.2")
    assert container == "lab-test-ask"
    secret, pod = parse(text)
    assert secret["metadata"]["name"] == "own"
    assert pod["spec"].keys() == {"containers", "hostAliases"}
    assert pod["spec"]["hostAliases"] == [{"ip": "10.0.0.2", "hostnames": ["lab"]}]


def test_a_chart_without_tests_has_none() -> None:
    assert helm_tests(CHART, address="10.0.0.2") == ()


def test_what_podman_would_take_for_something_else_is_quoted() -> None:
    text = "a: 'yes'\nb: '0440'\nc: '1e3'\nd: 'on'\ne: 0440\nf: yes\ng: '12:30'\nh: plain\n"
    (document,) = pod_manifests.parse(text)
    assert document == {
        "a": "yes", "b": "0440", "c": "1e3", "d": "on", "e": 288, "f": True, "g": "12:30",
        "h": "plain",
    }  # fmt: skip
    written = pod_manifests.dump([document])
    assert pod_manifests.parse(written) == [document]
    assert "a: 'yes'\n" in written
    assert "h: plain\n" in written


def test_an_image_without_the_folder_where_its_chart_starts(tmp_path: Path) -> None:
    log = tmp_path / "chart-desk.log"
    said = 'starting container 3ed: workdir "/home/onyxia/work" does not exist on container 3ed'
    log.write_text(f"{said}\nError: failed to start 1 containers\n")
    with pytest.raises(StepError) as caught, _quoted(log, 0, ()):
        _alive(125)
    assert caught.value.message == (
        "the pod ended, or podman could not play it (125)\n"
        f"    {said}\n    Error: failed to start 1 containers"
    )
    assert caught.value.hint == (
        "the image has no folder /home/onyxia/work, in which its chart starts: add to "
        "Dockerfile.j2 `RUN install --directory --owner=1000 --group=100 --mode=2777 "
        f"/home/onyxia/work`; the whole log: {log}"
    )
