"""Who may connect to a service, and where it may connect to, where nobody says otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from builder.charts.helm import Helm

from .conftest import Manifests, Played, catalog, one, written

CHARTS = ("jupyter-pyspark", "vscode-python", "rstudio", "marimo-python", "postgresql", "mlflow")
# Services of clouds that give the credentials of a node to whoever asks, and the link-local rest.
METADATA = (
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23", "100.100.100.200",
    "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
    "fe80::a9fe:a9fe", "64:ff9b::a9fe:a9fe",
)  # fmt: skip
# What sessions connect to: the Internet, S3, mirrors and proxies of the site, the cluster.
PEERS = (
    "1.1.1.1",
    "10.96.0.1",
    "172.16.4.4",
    "192.168.1.1",
    "100.64.0.1",
    "2606:4700::1111",
    "fd12::1",
)


@pytest.fixture(scope="module", params=CHARTS)
def service(
    request: pytest.FixtureRequest, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Played:
    """A chart of each recipe."""
    scratch = tmp_path_factory.mktemp("network")
    return Played(folder=written(str(request.param), scratch), helm=helm, scratch=scratch)


def policy(manifests: Manifests) -> Mapping[str, Any]:
    """What the one NetworkPolicy says."""
    spec: Mapping[str, Any] = one(manifests, "NetworkPolicy")["spec"]
    return spec


def admits(rule: Mapping[str, Any], address: str, port: int) -> bool:
    """Whether a rule admits an address outside of the cluster."""
    ports = [entry["port"] for entry in rule.get("ports", [])]
    return (not ports or port in ports) and any(
        ip_address(address) in ip_network(block["cidr"])
        and not any(ip_address(address) in ip_network(net) for net in block.get("except", []))
        for peer in rule["to"]
        if (block := peer.get("ipBlock")) is not None
        and ip_network(block["cidr"]).version == ip_address(address).version
    )


def reached(spec: Mapping[str, Any], addresses: tuple[str, ...], port: int) -> Iterator[str]:
    """Those of the addresses that the service may connect to."""
    for address in addresses:
        if any(admits(rule, address, port) for rule in spec["egress"]):
            yield address


def test_the_policy_is_of_the_pods_of_the_service(service: Played) -> None:
    manifests = service.manifests()
    spec = policy(manifests)
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    labels = one(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert labels.items() >= spec["podSelector"]["matchLabels"].items()


def test_metadata_services_are_out_of_reach_and_all_else_is_not(service: Played) -> None:
    spec = policy(service.manifests())
    for port in (53, 80, 443):
        assert list(reached(spec, METADATA, port)) == []
        assert tuple(reached(spec, PEERS, port)) == PEERS
    # The cluster, where pods are part of no network; and what answers for DNS on the node.
    assert {"namespaceSelector": {}} in [peer for rule in spec["egress"] for peer in rule["to"]]
    assert list(reached(spec, ("169.254.20.10",), 53)) == ["169.254.20.10"]
    assert list(reached(spec, ("169.254.20.10",), 80)) == []


def test_a_site_denies_more(service: Played) -> None:
    denied = {"denied": ["10.0.0.0/8", "fd12::/32"]}
    spec = policy(service.manifests({"security": {"networkPolicy": denied}}))
    assert list(reached(spec, METADATA, 80)) == []
    kept = tuple(it for it in PEERS if it not in ("10.96.0.1", "fd12::1"))
    assert tuple(reached(spec, PEERS, 443)) == kept


def test_a_site_lists_all_that_is_reached(service: Played) -> None:
    web = {"to": [{"ipBlock": {"cidr": "1.1.1.0/24"}}], "ports": [{"protocol": "TCP", "port": 443}]}
    spec = policy(service.manifests({"security": {"networkPolicy": {"egress": [web]}}}))
    assert list(reached(spec, PEERS, 443)) == ["1.1.1.1"]
    assert list(reached(spec, PEERS, 80)) == []
    everywhere = [rule for rule in spec["egress"] if {"namespaceSelector": {}} in rule["to"]]
    assert [[entry["port"] for entry in rule["ports"]] for rule in everywhere] == [[53, 53]]
    assert {"to": [{"podSelector": {}}]} in spec["egress"]


def test_the_namespace_and_ingress_controllers_come_in(service: Played) -> None:
    (rule,) = policy(service.manifests())["ingress"]
    assert set(rule) == {"from"}
    assert rule["from"][0] == {"podSelector": {}}
    has_ingress = "ingress" in catalog().charts[service.recipe].features
    assert ("ingress-nginx" in str(rule["from"][1:])) == has_ingress
    # Nothing but names of namespaces, which no user of a namespace can take.
    for peer in rule["from"][1:]:
        assert set(peer) == {"namespaceSelector"}
        assert peer["namespaceSelector"]


def test_a_region_says_who_comes_in(service: Played) -> None:
    region = [{"namespaceSelector": {"matchLabels": {"name": "entry"}}}]
    (rule,) = policy(service.manifests({"security": {"networkPolicy": {"from": region}}}))[
        "ingress"
    ]
    assert rule["from"] == [{"podSelector": {}}, *region]


def test_a_region_without_policies_has_none(service: Played) -> None:
    off = {"security": {"networkPolicy": {"enabled": False}}}
    assert "NetworkPolicy" not in {item["kind"] for item in service.manifests(off)}


@pytest.mark.parametrize("name", ["jupyter-python", "rstudio", "jupyter-pyspark", "vscode-pyspark"])
def test_the_page_of_spark_is_where_spark_is_and_outside_only_where_asked_for(
    helm: Helm, tmp_path: Path, name: str
) -> None:
    chart = Played(folder=written(name, tmp_path), helm=helm, scratch=tmp_path)
    manifests = chart.manifests()
    ports = [port["port"] for port in one(manifests, "Service")["spec"]["ports"]]
    opened = [port["containerPort"] for port in chart.pod()["spec"]["containers"][0]["ports"]]
    assert (4040 in ports) == (4040 in opened) == name.endswith("pyspark")
    assert "4040" not in str([item for item in manifests if item["kind"] == "Ingress"])
    notes = chart.helm.dry_run(chart.folder, release="r-1", values={}).notes
    assert "while an application runs" not in notes


@pytest.mark.parametrize(
    ("password", "line"),
    [("p4ss-word!", "onyxia:{PLAIN}p4ss-word!"), ("a:b", ""), ("a b", ""), ("a\nx:y", "")],
)
def test_the_page_of_spark_asks_for_the_password_of_the_session(
    helm: Helm, tmp_path: Path, password: str, line: str
) -> None:
    chart = Played(folder=written("jupyter-pyspark", tmp_path), helm=helm, scratch=tmp_path)
    manifests = chart.manifests(
        {
            "spark": {"ui": True}, "security": {"password": password},
            "ingress": {"annotations": {"nginx.ingress.kubernetes.io/auth-type": "none", "a": "b"}},
        }
    )  # fmt: skip
    annotations = one(manifests, "Ingress", "-spark")["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/auth-type"] == "basic"
    assert annotations["a"] == "b"
    login = one(manifests, "Secret", "-spark-login")
    assert annotations["nginx.ingress.kubernetes.io/auth-secret"] == login["metadata"]["name"]
    assert login["stringData"] == {"auth": line}
    own = one(manifests, "Ingress", "-ui")["metadata"]["annotations"]
    assert own == {"nginx.ingress.kubernetes.io/auth-type": "none", "a": "b"}


def test_only_what_asks_the_cluster_has_a_token(helm: Helm, tmp_path: Path) -> None:
    def has_token(name: str, values: dict[str, Any]) -> bool:
        folder = tmp_path / name
        played = Played(
            folder=folder if folder.exists() else written(name, tmp_path),
            helm=helm,
            scratch=tmp_path,
        )
        spec = played.pod(values)["spec"]
        assert spec["enableServiceLinks"] is False
        token: bool = spec["automountServiceAccountToken"]
        return token

    off, on = ({"kubernetes": {"enabled": enabled}} for enabled in (False, True))
    assert not has_token("jupyter-python", off)
    assert has_token("jupyter-python", on)
    assert has_token("jupyter-pyspark", off)
    assert not has_token("jupyter-pyspark", {**off, "spark": {"default": False}})
    assert not has_token("postgresql", {})
    assert not has_token("mlflow", {})
