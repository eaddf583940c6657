"""Launches of official charts of services: each value acts, or the notes say that it does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from builder.charts.helm import Helm, documents
from builder.common.errors import StepError

from .conftest import one, rendered, written

TABLE: Mapping[str, Any] = YAML(typ="safe").load(
    Path(__file__).with_name("official_services.yaml").read_text(encoding="utf-8")
)


def nested(paths: Mapping[str, object]) -> dict[str, Any]:
    """Values, of their paths."""
    values: dict[str, Any] = {}
    for path, value in paths.items():
        *above, last = path.split(".")
        node = values
        for key in above:
            node = node.setdefault(key, {})
        node[last] = value
    return values


def is_value(known: object, path: str) -> bool:
    """Whether a chart has a value at a path, or one that is handed on as a whole around it."""
    for key in path.split("."):
        if not isinstance(known, Mapping):
            break
        if key not in known:
            return False
        known = known[key]
    return True


def test_the_tables_are_whole() -> None:
    assert {name: sum(map(len, rows.values())) for name, rows in TABLE.items()} == {
        "postgresql": 23, "postgresql-cnpg": 19, "mlflow": 84, "mariadb": 19, "spark-history": 60,
        "spark-thrift-server": 74, "hive-metastore": 46, "trino": 131,
    }  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_every_value_has_a_place_or_a_reason(name: str) -> None:
    """What has a place is read by a template, as rendering makes sure."""
    known = json.loads(rendered(name)["values.json"])
    former = {".".join(move["from"]): ".".join(move["to"]) for move in known["former"]}
    for path in TABLE[name]["same"]:
        assert is_value(known["values"], path), path
    for path, new in TABLE[name]["moved"].items():
        assert is_value(known["values"], new), path
        below = {old: now for old, now in former.items() if f"{old}.".startswith(f"{path}.")}
        assert below, path
        assert all(now == new + old.removeprefix(path) for old, now in below.items()), path
    for path in TABLE[name]["ignored"]:
        assert any(f"{path}.".startswith(f"{it}.") for it in known["ignored"]), path


def install(helm: Helm, name: str, values: Mapping[str, object], folder: Path) -> Any:
    """What a chart makes of values, and its notes."""
    release = helm.dry_run(written(name, folder), release="r-1", values=nested(values))
    return documents(release.manifests), release.notes


def test_a_launch_of_the_official_postgresql(helm: Helm, tmp_path: Path) -> None:
    manifests, notes = install(helm, "postgresql", {
        "postgresql.auth.username": "ann", "postgresql.auth.password": "of-ann",
        "postgresql.auth.postgresPassword": "of-all", "postgresql.auth.database": "db",
        "postgresql.extensions.postgis": True, "postgresql.service.ports.postgresql": 5433,
        "postgresql.primary.persistence.size": "3Gi", "postgresql.image.tag": "15",
        "postgresql.image.repository": "inseefrlab/onyxia-postgresql-pgvector",
        "userPreferences.language": "fr", "postgresql.primary.resources.limits.memory": "7Gi",
    }, tmp_path)  # fmt: skip
    config = one(manifests, "ConfigMap")["data"]
    assert config == {"PGUSER": "ann", "PGDATABASE": "db", "EXTENSIONS": "postgis vector",
                      "TLS_REQUIRED": "false"}  # fmt: skip
    secret = one(manifests, "Secret", "-password")["stringData"]
    assert secret == {"PASSWORD": "of-ann"}
    superuser = one(manifests, "Secret", "-postgresql-server")["stringData"]
    assert superuser == {"SUPERUSER_PASSWORD": "of-all"}
    assert one(manifests, "Service")["spec"]["ports"][0]["port"] == 5433
    claim = one(manifests, "PersistentVolumeClaim")["spec"]
    assert claim["resources"]["requests"]["storage"] == "3Gi"
    container = one(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "7Gi"
    published = one(manifests, "Secret", "-discovery")["stringData"]
    assert (published["postgres-username"], published["postgres-password"]) == ("ann", "of-ann")
    assert "of-all" not in json.dumps(published)
    for path in ("postgresql.image.tag", "userPreferences.language"):
        assert f"- `{path}`: " in notes


def test_a_launch_of_the_chart_that_an_operator_served(helm: Helm, tmp_path: Path) -> None:
    manifests, notes = install(helm, "postgresql-cnpg", {
        "auth.username": "ann", "auth.password": "of-ann", "auth.database": "db",
        "extension.pgvector": True, "extension.pgaudit": True, "storage.size": "3Gi",
        "imageCatalog.major": "18", "imageCatalog.name": "x", "ports": [{"port": 1}],
    }, tmp_path)  # fmt: skip
    config = one(manifests, "ConfigMap")["data"]
    assert (config["PGUSER"], config["PGDATABASE"]) == ("ann", "db")
    assert config["EXTENSIONS"] == "pgaudit vector"
    assert one(manifests, "Secret", "-password")["stringData"] == {"PASSWORD": "of-ann"}
    claim = one(manifests, "PersistentVolumeClaim")["spec"]
    assert claim["resources"]["requests"]["storage"] == "3Gi"
    assert {item["kind"] for item in manifests} <= {
        "ConfigMap", "NetworkPolicy", "PersistentVolumeClaim", "Pod", "Secret", "Service",
        "StatefulSet",
    }  # fmt: skip
    for path in ("imageCatalog.major", "imageCatalog.name", "ports"):
        assert f"- `{path}`: " in notes


def test_a_launch_of_the_official_mlflow(helm: Helm, tmp_path: Path) -> None:
    manifests, notes = install(helm, "mlflow", {
        "security.username": "ann", "security.password": "of-ann-12345", "security.enabled": False,
        "security.defaultPermission": "READ", "service.directory": "s3://bucket/mlflow",
        "service.customArgs": ["--workers=5", "--`x"], "networkPolicy.enabled": False,
        "postgresql.auth.username": "user", "postgresql.primary.persistence.size": "8Gi",
        "service.gunicornTimeout": "600", "replicaCount": 2,
    }, tmp_path)  # fmt: skip
    config = one(manifests, "ConfigMap")["data"]
    assert config["MLFLOW_AUTH_ADMIN_USERNAME"] == "ann"
    assert config["MLFLOW_AUTH_DEFAULT_PERMISSION"] == "READ"
    assert config["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://bucket/mlflow"
    assert config["MLFLOW_WORKERS"] == "5"
    assert one(manifests, "Secret", "-password")["stringData"] == {"PASSWORD": "of-ann-12345"}
    assert "NetworkPolicy" not in {item["kind"] for item in manifests}
    assert "Users log in all the same" in notes
    assert "Of `service.customArgs`, `--?x` is not taken" in notes
    for path in ("postgresql.auth.username", "service.gunicornTimeout", "replicaCount"):
        assert f"- `{path}`: " in notes


def test_artifacts_that_no_restart_would_keep_go_to_the_volume(helm: Helm, tmp_path: Path) -> None:
    values = {"service.directory": "/tmp/mlflow/artifacts/"}
    manifests, _ = install(helm, "mlflow", values, tmp_path)
    assert "MLFLOW_ARTIFACTS_DESTINATION" not in one(manifests, "ConfigMap")["data"]


def test_an_image_of_the_official_chart_is_refused(helm: Helm, tmp_path: Path) -> None:
    values = {"service.image.version": "inseefrlab/mlflow:v3.13.0"}
    text = (
        'service.image names "inseefrlab/mlflow:v3.13.0", an image of the official chart, which'
        " this one cannot start: leave it out, or name an image of this catalog"
    )
    with pytest.raises(StepError, match=text):
        install(helm, "mlflow", values, tmp_path)
