"""The password of a service: generated, kept, read by its user, and shown to nobody else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.charts.helm import Helm
from builder.charts.manifests import documents
from builder.common.mappings import merged

from .cluster import cluster
from .conftest import Manifests, Played, one, written

CHARTS = ("jupyter-python", "rstudio", "postgresql", "mlflow")
PLACEHOLDER = "NO-PASSWORD-WAS-GIVEN"
KNOWN = ("changeme", "changeme-changeme", PLACEHOLDER, "")


@pytest.fixture(scope="module", params=CHARTS)
def service(
    request: pytest.FixtureRequest, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Played:
    """A session of each kind of login, and the services."""
    scratch = tmp_path_factory.mktemp("password")
    return Played(folder=written(str(request.param), scratch), helm=helm, scratch=scratch)


def installed(
    chart: Played, values: Mapping[str, Any] | None = None, kept: Manifests | None = None
) -> Manifests:
    """What `helm install` makes on a cluster that has the Secrets of a release."""
    with cluster({}, kept or ()) as url:
        release = chart.helm.dry_run(chart.folder, release="r-1", values=values or {}, cluster=url)
    return documents(release.manifests)


def notes(chart: Played, values: Mapping[str, Any], kept: Manifests | None = None) -> str:
    """What the user is told."""
    with cluster({}, kept or ()) as url:
        told = chart.helm.dry_run(chart.folder, release="r-1", values=values, cluster=url)
    return told.notes


def password(manifests: Manifests) -> str:
    """The password that the service starts with."""
    text: str = one(manifests, "Secret", "-password")["stringData"]["PASSWORD"]
    return text


def annotations(manifests: Manifests) -> dict[str, str]:
    """The annotations of the pod."""
    about: dict[str, str] = one(manifests, "StatefulSet")["spec"]["template"]["metadata"][
        "annotations"
    ]
    return about


def test_each_release_has_one_of_its_own(service: Played) -> None:
    first, second = installed(service), installed(service)
    assert password(first) != password(second)
    assert re.fullmatch("[A-Za-z0-9]{24}", password(first))
    # What others are told is the same.
    if service.recipe in ("postgresql", "mlflow"):
        assert password(first) in one(first, "Secret", "-discovery")["stringData"].values()


def test_an_upgrade_keeps_it_and_restarts_nothing(service: Played) -> None:
    first = installed(service)
    again = installed(service, kept=first)
    assert password(again) == password(first)
    assert annotations(again) == annotations(first)


@pytest.mark.parametrize("known", KNOWN)
def test_an_upgrade_keeps_none_that_everybody_knows(service: Played, known: str) -> None:
    first = installed(service)
    one(first, "Secret", "-password")["stringData"]["PASSWORD"] = known
    assert password(installed(service, kept=first)) not in KNOWN


def test_what_is_given_holds(service: Played) -> None:
    given = {"security": {"password": 'p4ss "w\'ord" {{ x }}'}}
    assert password(installed(service, given, kept=installed(service))) == 'p4ss "w\'ord" {{ x }}'
    assert password(service.manifests(given)) == 'p4ss "w\'ord" {{ x }}'


def test_without_a_cluster_it_is_a_placeholder_that_no_image_starts_with(service: Played) -> None:
    assert service.template() == service.template()
    assert password(service.manifests()) == PLACEHOLDER
    first = next(it for it in service.pod()["spec"]["initContainers"] if it["name"] == "password")
    assert first["command"][:2] == ["sh", "-euc"]
    for word in (PLACEHOLDER, "a-password"):
        # On this machine, which has no start script of ours.
        given = {"PATH": "/usr/bin:/bin", "PASSWORD": word, "PLACEHOLDER": PLACEHOLDER}
        done = subprocess.run(first["command"], env=given, capture_output=True, check=False)
        assert done.returncode == (word == PLACEHOLDER)
        assert (b"set security.password" in done.stderr) == (word == PLACEHOLDER)
    assert {"name": "PLACEHOLDER", "value": PLACEHOLDER} in first["env"]
    for manifests in (installed(service), service.manifests({"security": {"password": "given"}})):
        pod = one(manifests, "StatefulSet")["spec"]["template"]["spec"]
        assert "password" not in [it["name"] for it in pod.get("initContainers", [])]


@pytest.mark.parametrize(
    "script",
    [
        "images/base/files/onyxia-init.sh", "images/postgresql/files/start.sh",
        "images/mariadb/files/start.sh", "images/valkey/files/start.sh",
        "images/kafka/files/start.sh",
    ],
)  # fmt: skip
def test_our_start_scripts_say_why_they_do_not_start(script: str) -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        ["bash", str(root / script), "echo", "STARTED"],
        env={"PATH": "/usr/bin:/bin", "PASSWORD": PLACEHOLDER, "PGDATA": "/nowhere/data",
             "SERVICE_LIBRARY": str(root / "images/_service/service.sh"),
             "KAFKA_LIBRARY": str(root / "images/kafka/files/program.sh")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert "no password was given: set security.password or security.existingSecret" in done.stderr


def test_a_secret_of_somebody_else_is_read_and_never_written(service: Played) -> None:
    values = {"security": {"existingSecret": "team-login"}}
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "team-login"},
        "stringData": {"PASSWORD": "of-the-whole-team"},
    }  # fmt: skip
    manifests = installed(service, values, kept=[secret])
    pod = one(manifests, "StatefulSet")["spec"]["template"]["spec"]
    assert {
        "name": "PASSWORD",
        "valueFrom": {"secretKeyRef": {"name": "team-login", "key": "PASSWORD"}},
    } in pod["containers"][0]["env"]
    assert not any(item["metadata"]["name"].endswith("-password") for item in manifests)
    holders = [item["metadata"]["name"] for item in manifests if "of-the-whole-team" in str(item)]
    published = service.recipe in ("postgresql", "mlflow")
    assert holders == ([f"r-1-{service.recipe}-discovery"] if published else [])
    assert "team-login" in notes(service, values, kept=[secret])
    # Without a cluster nobody can know it, and nothing says another one.
    assert PLACEHOLDER not in service.template(values)


def test_the_notes_say_how_to_read_it_and_it_itself_only_where_asked(service: Played) -> None:
    given = {"security": {"password": "p4ss-of-the-user"}}
    told = notes(service, given)
    assert "p4ss-of-the-user" not in told
    assert re.search(r"password: ?([^\n ]+)", told, re.IGNORECASE) is None
    name = f"r-1-{service.folder.name}-password"
    assert (
        f"`kubectl get secret --namespace default {name} "
        "--output jsonpath='{.data.PASSWORD}' | base64 -d`" in told
    )
    told = notes(service, merged(given, {"notes": {"password": True}}))
    assert "- Password: p4ss-of-the-user\n" in told
    kept = installed(service)
    assert f"- Password: {password(kept)}\n" in notes(
        service, {"notes": {"password": True}}, kept=kept
    )


def hashes(text: str) -> set[str]:
    """What a text looks like to who does not want to show it."""
    data = text.encode()
    digests = [hashlib.new(name, data) for name in ("md5", "sha1", "sha256", "sha512")]
    found = {it.hexdigest() for it in digests} | {
        base64.b64encode(it.digest()).decode() for it in digests
    }
    return found | {text, base64.b64encode(data).decode()}


def test_no_annotation_tells_a_secret_from_another(service: Played) -> None:
    """Who may look at pods could try words until a checksum fits."""
    values = {
        "extraEnvVars": [{"name": "LOGIN", "value": "one"}],
        "s3": {"secretAccessKey": "one"}, "security": {"password": "one"},
    }  # fmt: skip
    other = json.loads(json.dumps(values).replace('"one"', '"two"'))
    first, second = service.manifests(values), service.manifests(other)
    assert annotations(first) == annotations(second)
    for item in first:
        shown = json.dumps([item["metadata"], annotations(first)])
        for secret in (it for it in first if it["kind"] == "Secret"):
            text = "\n".join(f'"{key}": "{it}"' for key, it in sorted(secret["stringData"].items()))
            assert not any(it in shown for it in hashes(text) | hashes("one") - {"one"})


@pytest.mark.parametrize(
    "values", [{"security": {"password": "new"}}, {"extraEnvVars": [{"name": "A", "value": "new"}]}]
)
def test_a_changed_secret_restarts_the_pod(service: Played, values: Mapping[str, Any]) -> None:
    before = {"security": {"password": "old"}, "extraEnvVars": [{"name": "A", "value": "old"}]}
    kept = installed(service, before)
    # As a later revision left it.
    for item in kept:
        if (
            item["kind"] == "Secret"
            and "onyxia-library/revision" in item["metadata"]["annotations"]
        ):
            item["metadata"]["annotations"]["onyxia-library/revision"] = "7"
    same = annotations(installed(service, before, kept=kept))
    changed = annotations(installed(service, merged(before, values), kept=kept))
    differ = {key for key in same if same[key] != changed[key]}
    assert differ == {"revision/password" if "security" in values else "revision/extra-env"}
    assert {same[key] for key in differ} == {"7"}


def test_onyxia_sees_no_difference(service: Played) -> None:
    schema = json.loads((service.folder / "values.schema.json").read_text())["properties"]
    assert schema["notes"]["x-onyxia"]["overwriteDefaultWith"] == {"password": True}
    source = schema["security"]["properties"]["password"]["x-onyxia"]
    assert source["overwriteDefaultWith"] == "{{service.oneTimePassword}}"
