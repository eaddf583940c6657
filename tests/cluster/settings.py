"""The files and the command lines of the parts of a cluster."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import subprocess
import tarfile
from pathlib import Path

from tests.cluster.place import MIRROR_PORT, Place

PAUSE = "cluster.test/pause:1"
NODES = (1, 2)
CLASS = "cluster.test"
"""The class of Ingress, and of storage, that is the default."""

_CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "{run}/containerd"
oom_score = 0
[grpc]
address = "{run}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{debian}/usr/lib/cni"
conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{folder}/registries"
"""
_MIRROR = """\
[host."http://{outside}:{port}"]
capabilities = ["pull", "resolve"]
"""
_NAMES = """\
.:53 {{
    bind {address}
    errors
    ready {address}:8181
    cache 2
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 2
    }}
}}
"""
OBJECTS = f"""\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: {CLASS}
  annotations: {{storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: cluster.test/folder
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Delete
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  name: {CLASS}
  annotations: {{ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {{controller: cluster.test/ingress}}
"""


def write_settings(place: Place) -> None:
    """Write keys, tokens and settings of all parts."""
    place.state.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(16)
    tokens = place.state / "tokens.csv"
    tokens.write_text(f"{token},admin,admin,system:masters\n")
    tokens.chmod(0o600)
    _write_keys(place)
    place.kubeconfig.write_text(json.dumps(_kubeconfig(place, token), indent=1))
    place.kubeconfig.chmod(0o600)
    names = _NAMES.format(address=place.address, kubeconfig=place.kubeconfig)
    (place.state / "Corefile").write_text(names)
    (place.state / "resolv.conf").write_text("")
    (place.state / "objects.yaml").write_text(OBJECTS)
    for node in NODES:
        _write_node(place, node)


def _write_keys(place: Place) -> None:
    """Write a certificate that is its own authority, and the key that signs service accounts."""
    names = f"DNS:kubernetes.default.svc,IP:{place.address},IP:{place.api_service}"
    extensions = (f"subjectAltName={names}", "basicConstraints=critical,CA:TRUE")
    added = [word for extension in extensions for word in ("-addext", extension)]
    for argv in (
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=cluster",
         *added, "-keyout", "api.key", "-out", "api.crt"],
        ["genrsa", "-out", "accounts.key", "2048"],
    ):  # fmt: skip
        subprocess.run(
            ["openssl", *argv], cwd=place.state, check=True, capture_output=True, timeout=60
        )


def _kubeconfig(place: Place, token: str) -> dict[str, object]:
    server = f"https://{place.address}:6443"
    authority = str(place.state / "api.crt")
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "test", "cluster": {"server": server, "certificate-authority": authority}}
        ],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "current-context": "test",
    }


def folder_of(place: Place, node: int) -> Path:
    """Return the folder of a node."""
    return place.state / f"node{node}"


def _write_node(place: Place, node: int) -> None:
    folder, run = folder_of(place, node), f"/run/node{node}"
    (folder / "cni").mkdir(parents=True, exist_ok=True)
    (folder / "registries" / "_default").mkdir(parents=True, exist_ok=True)
    settings = _CONTAINERD.format(folder=folder, run=run, debian=place.debian, pause=PAUSE)
    (folder / "containerd.toml").write_text(settings)
    mirror = _MIRROR.format(outside=place.outside, port=MIRROR_PORT)
    (folder / "registries" / "_default" / "hosts.toml").write_text(mirror)
    # Each pod has a link of its own, and what it sends is routed. On a bridge, an answer from
    # behind a Service passes by the kernel's table of connections without br_netfilter.
    ranges = [[{"subnet": place.pods(node)}]]
    ipam = {
        "type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": f"{run}/addresses",
    }  # fmt: skip
    plugins = [
        {"type": "ptp", "ipMasq": False, "ipam": ipam},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    network = {"cniVersion": "0.4.0", "name": f"node{node}", "plugins": plugins}
    (folder / "cni" / "10-node.conflist").write_text(json.dumps(network))
    (folder / "kubelet.json").write_text(json.dumps(_kubelet(place, node), indent=1))


def _kubelet(place: Place, node: int) -> dict[str, object]:
    """Return the settings of a kubelet that this kernel's control groups need."""
    folder = folder_of(place, node)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{place.name}/node{node}",
        "clusterDNS": [place.address],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix:///run/node{node}/containerd.sock",
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "fileCheckFrequency": "0s",
        "healthzPort": 10248 + 100 * node,
        "imageGCHighThresholdPercent": 100,
        "nodeStatusUpdateFrequency": "5s",
        "podLogsDir": str(folder / "logs"),
        "port": 10250 + 100 * node,
        "readOnlyPort": 0,
        "registerNode": True,
        "resolvConf": str(place.state / "resolv.conf"),
        "serializeImagePulls": True,
        "syncFrequency": "10s",
    }


def write_pause(place: Place, catatonit: Path, target: Path) -> None:
    """Write the image that holds the namespaces of a pod: one program that waits."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(catatonit, arcname="pause")
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/pause", "-P"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer.getvalue())}"]},
    }
    text = json.dumps(config).encode()
    name = f"{_digest(text)}.json"
    manifest = [{"Config": name, "RepoTags": [PAUSE], "Layers": ["layer.tar"]}]
    with tarfile.open(target, "w") as tar:
        for path, data in (
            (name, text),
            ("layer.tar", layer.getvalue()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def commands(place: Place) -> dict[str, list[str]]:
    """Return the command line of each part of the control plane that runs in the cluster."""
    programs, state, admin = place.programs, place.state, str(place.kubeconfig)
    loopback = ("--bind-address", "127.0.0.1", "--leader-elect=false")
    return {
        "etcd": [
            f"{place.debian}/usr/bin/etcd", "--data-dir", "/run/etcd",
            "--listen-client-urls", "http://127.0.0.1:2379",
            "--advertise-client-urls", "http://127.0.0.1:2379",
            "--listen-peer-urls", "http://127.0.0.1:2380",
        ],
        "kube-apiserver": [
            f"{programs}/kube-apiserver", "--etcd-servers", "http://127.0.0.1:2379",
            "--bind-address", place.address, "--advertise-address", place.address,
            "--secure-port", "6443", "--cert-dir", "/run/api",
            "--tls-cert-file", f"{state}/api.crt", "--tls-private-key-file", f"{state}/api.key",
            "--token-auth-file", f"{state}/tokens.csv", "--authorization-mode", "Node,RBAC",
            "--service-cluster-ip-range", place.services, "--allow-privileged=true",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", f"{state}/accounts.key",
            "--service-account-signing-key-file", f"{state}/accounts.key",
            "--kubelet-preferred-address-types", "InternalIP",
        ],
        "kube-controller-manager": [
            f"{programs}/kube-controller-manager", "--kubeconfig", admin, *loopback,
            "--use-service-account-credentials=true", "--root-ca-file", f"{state}/api.crt",
            "--service-account-private-key-file", f"{state}/accounts.key",
            "--cert-dir", "/run/controllers", "--node-monitor-grace-period", "60s",
        ],
        "kube-scheduler": [
            f"{programs}/kube-scheduler", "--kubeconfig", admin, *loopback,
            "--cert-dir", "/run/scheduler",
        ],
        "kube-proxy": [
            f"{programs}/kube-proxy", "--kubeconfig", admin, "--proxy-mode", "iptables",
            "--hostname-override", "node1", "--conntrack-max-per-core", "0",
            "--conntrack-tcp-timeout-established", "0s", "--conntrack-tcp-timeout-close-wait", "0s",
            "--cluster-cidr", f"{place.network}.0.0/17",
        ],
        "coredns": [str(place.names), "-conf", f"{state}/Corefile"],
        "provisioner": [
            f"{programs}/provisioner", "--kubeconfig", admin, "--root", f"{state}/volumes",
        ],
        "ingress": [
            f"{programs}/ingress", "--kubeconfig", admin, "--class", CLASS,
            "--listen", f"{place.address}:80",
        ],
    }  # fmt: skip


def node_commands(place: Place, node: int) -> dict[str, list[str]]:
    """Return the command lines of a node."""
    folder = folder_of(place, node)
    return {
        f"containerd{node}": ["containerd", "--config", f"{folder}/containerd.toml"],
        f"kubelet{node}": [
            f"{place.programs}/kubelet", "--kubeconfig", str(place.kubeconfig),
            "--config", f"{folder}/kubelet.json", "--root-dir", f"{folder}/kubelet",
            "--hostname-override", f"node{node}", "--node-ip", place.address,
            "--cert-dir", f"/run/node{node}/pki",
        ],
    }  # fmt: skip
