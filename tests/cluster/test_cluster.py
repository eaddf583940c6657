"""What a chart finds in the cluster: nodes, names, volumes, Ingresses, and rules for pods."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.client import Cluster
from tests.integration.starter import Catalog

SAFE = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}

SERVER = """
$s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die;
while ($c = $s->accept) {
    while (<$c>) { last if /^\\r$/ }
    print $c "HTTP/1.0 200 OK\\r\\n\\r\\nfrom the pod\\n"; close $c
}
"""


def eventually(condition: Callable[[], Any], seconds: float = 90) -> Any:
    """Return what a condition gives once it is not empty."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return found


def pod(name: str, image: str, script: str, **spec: Any) -> str:
    """A pod that runs a script, as the restricted profile takes it."""
    container = {"name": "main", "image": image, "command": ["sh", "-euc", script]}
    container |= {"securityContext": SAFE, **spec.pop("container", {})}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "containers": [container],
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                **spec,
            },
        }
    )


def test_both_nodes_are_ready_and_of_the_minor_that_was_asked_for(cluster: Cluster) -> None:
    nodes = cluster.get("nodes")["items"]
    versions = {item["status"]["nodeInfo"]["kubeletVersion"] for item in nodes}
    assert [item["metadata"]["name"] for item in nodes] == ["node1", "node2"]
    assert all(version.startswith(f"v{cluster.place.minor}.") for version in versions)


def test_a_restricted_namespace_takes_our_chart_and_no_other_pod(
    cluster: Cluster, catalog: Catalog, images: None, image: str
) -> None:
    """PostgreSQL becomes ready, its claim is bound, its own test finds it by its name."""
    package = next((catalog.state / "charts").rglob("postgresql-*.tgz"))
    with cluster.namespace("restricted-chart") as namespace:
        there = ("--namespace", namespace)
        cluster.helm("install", "db", str(package), *there, "--wait", "--timeout=300s")
        assert "Phase:          Succeeded" in cluster.helm("test", "db", *there)
        claims = cluster.get("persistentvolumeclaims", *there)["items"]
        assert [item["status"]["phase"] for item in claims] == ["Bound"]
        rude = json.loads(pod("rude", image, "id"))
        del rude["spec"]["containers"][0]["securityContext"]
        with pytest.raises(AssertionError, match="violates PodSecurity"):
            cluster.kubectl("create", *there, "--filename=-", stdin=json.dumps(rude))


def test_an_ingress_leads_to_a_pod_and_a_service_has_a_name(cluster: Cluster, image: str) -> None:
    serve = f"exec perl -MIO::Socket::INET -e '{SERVER}'"
    with cluster.namespace("paths") as namespace:
        there = ("--namespace", namespace)
        port = {"ports": [{"containerPort": 8080}]}
        cluster.kubectl(
            "create", *there, "--filename=-", stdin=pod("web", image, serve, container=port)
        )
        cluster.kubectl("expose", "pod/web", *there, "--port=80", "--target-port=8080")
        cluster.kubectl("create", "ingress", "web", *there, "--rule=web.test/*=web:80")
        cluster.kubectl("wait", *there, "--for=condition=Ready", "pod/web", "--timeout=120s")
        request = urllib.request.Request(
            f"http://{cluster.place.address}/x", headers={"Host": "web.test"}
        )

        def answer() -> str:
            try:
                with urllib.request.urlopen(request, timeout=5) as found:
                    return str(found.read().decode())
            except OSError:
                return ""

        assert eventually(answer, 60) == "from the pod\n"
        ask = (
            "exec 3<>/dev/tcp/web.paths.svc.cluster.local/80; "
            "printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
        )
        asking = json.loads(pod("ask", image, ""))
        asking["spec"]["containers"][0]["command"] = ["bash", "-euc", ask]
        cluster.kubectl("create", *there, "--filename=-", stdin=json.dumps(asking))
        phase = ("wait", *there, "--for=jsonpath={.status.phase}=Succeeded", "pod/ask")
        cluster.kubectl(*phase, "--timeout=120s")
        assert "from the pod" in cluster.kubectl("logs", *there, "ask")


def test_a_drained_node_loses_its_pod_and_the_other_has_its_volume(
    cluster: Cluster, catalog: Catalog, images: None
) -> None:
    package = next((catalog.state / "charts").rglob("postgresql-*.tgz"))
    with cluster.namespace("drained") as namespace:
        there = ("--namespace", namespace)
        cluster.helm("install", "db", str(package), *there, "--wait", "--timeout=300s")
        name = cluster.get("pods", *there)["items"][0]["metadata"]["name"]
        ask = 'PGPASSWORD="$PASSWORD" psql -XAtq -h 127.0.0.1 -c "$0"'
        query = ("exec", *there, name, "--", "sh", "-euc", ask)
        cluster.kubectl(*query, "create table kept as select 42 as answer")
        node = cluster.get("pod", name, *there)["spec"]["nodeName"]
        words = ("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s")
        cluster.kubectl(*words)
        try:
            ready = ("wait", *there, "--for=condition=Ready", f"pod/{name}", "--timeout=5s")

            def moved() -> bool:
                try:
                    cluster.kubectl(*ready)
                except AssertionError:
                    return False
                return bool(cluster.get("pod", name, *there)["spec"]["nodeName"] != node)

            assert eventually(moved, 180)
            assert cluster.kubectl(*query, "select answer from kept") == "42\n"
        finally:
            cluster.kubectl("uncordon", node)


def test_a_removed_claim_takes_its_folder_along(cluster: Cluster) -> None:
    """No namespace is left by the other tests, so there is no volume either."""
    folder = cluster.place.state / "volumes"
    eventually(lambda: not cluster.get("persistentvolumes")["items"], 60)
    assert not list(folder.glob("*"))


def test_nothing_of_it_is_in_the_network_of_this_machine(cluster: Cluster) -> None:
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=False).stdout
    assert "KUBE-" not in rules
    assert str(cluster.place.state) not in Path("/proc/self/mounts").read_text()
