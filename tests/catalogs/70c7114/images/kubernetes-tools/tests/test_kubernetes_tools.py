"""The programs are there, and are what they say they are."""

import json

FOLDER = "/opt/kubernetes-tools"


def test_helm_runs(host):
    assert host.check_output(f"{FOLDER}/helm version --short").startswith("v4.1.4")


def test_kubectl_runs(host):
    found = host.check_output(f"{FOLDER}/kubectl version --client --output=json")
    assert json.loads(found)["clientVersion"]["gitVersion"].startswith("v1.34.")


def test_they_are_for_this_platform(host, facts):
    # A kernel with an emulator, or an emulated system, runs those of another as well.
    machine = {"amd64": "003e", "arm64": "00b7"}[facts["platform"].split("/")[1]]
    for program in ("helm", "kubectl"):
        header = host.check_output(f"od -An -tx2 -j18 -N2 {FOLDER}/{program}")
        assert header.strip() == machine, program


def test_nothing_else_is_kept(host):
    assert host.check_output(f"ls {FOLDER} && ls -d /opt/*") == f"helm\nkubectl\n{FOLDER}"
