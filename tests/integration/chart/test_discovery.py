"""What a service publishes is what the charts of sessions find."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.charts.helm import Helm
from builder.charts.manifests import documents

from .cluster import Secrets, cluster
from .conftest import catalog, written

PASSWORD = 'p4ss "w\'ord" $(id) {{ x }} é'
# Per service: what it is launched with, and what a session is to have in its environment.
PUBLISHED: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {
    "postgresql": (
        {
            "postgresql": {"username": "ann: #", "database": "a \"b'"},
            "networking": {"service": {"port": 5433}},
        },
        {
            "PGHOST": "s-1-postgresql",
            "PGPORT": "5433",
            "PGDATABASE": "a \"b'",
            "PGUSER": "ann: #",
            "PGPASSWORD": PASSWORD,
        },
    ),
    "mlflow": (
        {"mlflow": {"username": "ann"}, "s3": {"endpoint": "minio.example.org"}},
        {
            "MLFLOW_TRACKING_URI": "http://s-1-mlflow:5000",
            "MLFLOW_TRACKING_USERNAME": "ann",
            "MLFLOW_TRACKING_PASSWORD": PASSWORD,
            "MLFLOW_S3_ENDPOINT_URL": "https://minio.example.org/",
        },
    ),
}


def consumers(service: str) -> list[str]:
    """The first chart of each recipe that looks for a service."""
    first: dict[str, str] = {}
    for name, chart in catalog().matrix.charts.items():
        features = catalog().charts[chart.recipe].features
        if f"{service}-client" in features:
            first.setdefault(chart.recipe, name)
    return sorted(first.values())


def published(helm: Helm, service: str, folder: Path) -> Secrets:
    """The Secrets by which a service is found."""
    values = folder / f"{service}.json"
    values.write_text(json.dumps({**PUBLISHED[service][0], "security": {"password": PASSWORD}}))
    text = helm.template(written(service, folder), release="s-1", values=values)
    return {
        item["metadata"]["name"]: (
            about["onyxia/discovery"],
            {**item["stringData"], **(item.get("data") or {})},
        )
        for item in documents(text)
        if "onyxia/discovery" in (about := item["metadata"].get("annotations") or {})
    }


def environment(helm: Helm, chart: Path, server: str) -> dict[str, str]:
    """What the Secrets of a chart give to a session, where a cluster is asked."""
    on = {"discovery": {"postgresql": True}}
    release = helm.dry_run(chart, release="r-1", values=on, cluster=server)
    found: dict[str, str] = {}
    for item in documents(release.manifests):
        if item["kind"] == "Secret" and "onyxia/discovery" not in item["metadata"]["annotations"]:  # type: ignore[index]
            found |= item["stringData"]
    return found


@pytest.mark.parametrize(
    ("service", "consumer"), [(it, chart) for it in PUBLISHED for chart in consumers(it)]
)
def test_a_session_finds_what_a_service_publishes(
    helm: Helm, service: str, consumer: str, tmp_path: Path
) -> None:
    secrets = published(helm, service, tmp_path)
    assert list(secrets) == [f"s-1-{service}-discovery"]
    with cluster(secrets) as server:
        found = environment(helm, written(consumer, tmp_path), server)
    expected = PUBLISHED[service][1]
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(("port", "stands"), [(5432, "5432"), (15432, None), (80, None)])
def test_other_charts_read_the_port_of_postgresql_as_it_stands(
    helm: Helm, port: int, stands: str | None, tmp_path: Path
) -> None:
    """They do not decode it; what is no base64 cannot stand there."""
    values = tmp_path / "port.json"
    values.write_text(json.dumps({"networking": {"service": {"port": port}}}))
    text = helm.template(written("postgresql", tmp_path), release="s-1", values=values)
    (secret,) = (it for it in documents(text) if it["metadata"]["name"].endswith("-discovery"))
    assert (secret.get("data") or {}).get("postgres-port") == stands
    assert secret["stringData"].get("postgres-port") == (None if stands else str(port))


def test_a_text_that_a_chart_wrote_in_place_of_a_value_is_none(helm: Helm, tmp_path: Path) -> None:
    entries = {"postgres-service": "db", "postgres-database": ".Values.postgresql.database"}
    with cluster({"database": ("postgres", entries)}) as server:
        found = environment(helm, written("rstudio", tmp_path), server)
    assert found["PGHOST"] == "db"
    assert "PGDATABASE" not in found


def test_of_two_passwords_a_session_takes_that_of_the_user(helm: Helm, tmp_path: Path) -> None:
    """The official chart publishes that of the superuser too."""
    entries = {"postgres-username": "ann", "postgres-password": "of-all", "password": "of-ann"}
    with cluster({"database": ("postgres", entries)}) as server:
        found = environment(helm, written("rstudio", tmp_path), server)
    assert (found["PGUSER"], found["PGPASSWORD"]) == ("ann", "of-ann")


def test_all_kinds_of_sessions_look() -> None:
    assert set(consumers("postgresql")) >= {"jupyter-python", "vscode-python", "rstudio", "mlflow"}
    assert set(consumers("mlflow")) >= {"jupyter-python", "vscode-python", "marimo-python"}


@pytest.mark.parametrize("service", PUBLISHED)
def test_a_service_may_keep_to_itself(helm: Helm, service: str, tmp_path: Path) -> None:
    values = tmp_path / "off.json"
    values.write_text(json.dumps({"discovery": {"enabled": False}}))
    text = helm.template(written(service, tmp_path), release="s-1", values=values)
    assert "onyxia/discovery" not in text
