"""The programs are there, and are what they say they are."""

import json

FOLDER = "/opt/kubernetes-tools"


def test_helm_runs(host):
    assert host.check_output(f"{FOLDER}/helm version --short").startswith("v4.1.4")


def test_kubectl_runs(host):
    found = host.check_output(f"{FOLDER}/kubectl version --client --output=json")
    assert json.loads(found)["clientVersion"]["gitVersion"].startswith("v1.34.")


def test_nothing_else_is_kept(host):
    assert host.check_output(f"ls {FOLDER} && ls -d /opt/*") == f"helm\nkubectl\n{FOLDER}"
