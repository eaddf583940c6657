"""What a service publishes is what the charts of sessions find."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.catalog.services import CLIENTS, chosen
from builder.charts.helm import DryRun, Helm
from builder.charts.manifests import documents
from builder.common.errors import StepError

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
    "kafka": (
        {"kafka": {"username": "ann"}, "networking": {"service": {"port": 9093}}},
        {
            "KAFKA_BOOTSTRAP_SERVERS": "s-1-kafka:9093",
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_USERNAME": "ann",
            "KAFKA_PASSWORD": PASSWORD,
        },
    ),
    "trino": (
        {"trino": {"username": "ann"}, "ingress": {"enabled": False}},
        {
            "TRINO_HOSTNAME": "s-1-trino",
            "TRINO_PORT": "8443",
            "TRINO_USERNAME": "ann",
            "TRINO_PASSWORD": PASSWORD,
            "TRINO_CATALOG": "tpch",
        },
    ),
    # Its row has another name, and so no session is told of it by that of its chart.
    "hive-metastore": (
        {"networking": {"service": {"port": 9084}}},
        {"HIVE_METASTORE_URI": "thrift://s-1-hive-metastore:9084"},
    ),
}


def consumers(service: str) -> list[str]:
    """The first chart of each recipe that looks for a service."""
    first: dict[str, str] = {}
    for name, chart in catalog().matrix.charts.items():
        features = catalog().charts[chart.recipe].features
        axes = catalog().matrix.axes_of(chart.image)
        own = chosen(catalog().features.values(), axes) if CLIENTS in features else []
        if f"{service}-client" in (*features, *own):
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
            {
                **item["stringData"],
                **{key: text.encode() for key, text in (item.get("data") or {}).items()},
            },
        )
        for item in documents(text)
        if "onyxia/discovery" in (about := item["metadata"].get("annotations") or {})
    }


def environment(helm: Helm, chart: Path, server: str) -> dict[str, str]:
    """What the Secrets of a chart give to a session, where a cluster is asked."""
    return given(asked(helm, chart, server))


def asked(helm: Helm, chart: Path, server: str) -> DryRun:
    """What a chart is, where a cluster is asked."""
    on = {"discovery": {"postgresql": True}}
    return helm.dry_run(chart, release="r-1", values=on, cluster=server)


def given(release: DryRun) -> dict[str, str]:
    """What its Secrets give to a session: variables, and files by name."""
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


@pytest.mark.parametrize("consumer", ["jupyter-pyspark", "spark-thrift-server", "trino"])
def test_who_uses_tables_finds_the_metastore(helm: Helm, consumer: str, tmp_path: Path) -> None:
    with cluster(published(helm, "hive-metastore", tmp_path)) as server:
        found = environment(helm, written(consumer, tmp_path), server)
    wanted = PUBLISHED["hive-metastore"][1]
    assert {name: found.get(name) for name in wanted} == wanted
    assert "<value>thrift://s-1-hive-metastore:9084</value>" in found["hive-site.xml"]


def test_trino_is_found_where_clients_enter_from_outside(helm: Helm, tmp_path: Path) -> None:
    values = tmp_path / "outside.json"
    values.write_text(json.dumps({"ingress": {"enabled": True, "hostname": "sql.example.org"}}))
    text = helm.template(written("trino", tmp_path), release="s-1", values=values)
    (secret,) = (it for it in documents(text) if it["metadata"]["name"].endswith("-discovery"))
    told = secret["stringData"]
    assert (told["trino-service"], told["trino-port"]) == ("sql.example.org", "443")


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


# What a chart says of itself, and a template that publishes every service of the table by it.
FACTS = {
    "host": "h", "port": "1234", "url": "http://h:1234", "namespace": "n", "database": "d/b",
    "username": "a n", "password": PASSWORD, "catalog": "c", "token": "t", "publicKey": "pk",
    "secretKey": "sk", "bucket": "s3://b", "secret": "s3-login", "tls": "true",
}  # fmt: skip
EVERY = """\
{{- range $service, $row := include "mlflow.discovery.services" . | fromYaml }}
---
{{ include "onyxia-library.publishedFacts" (dict "root" $ "service" $service "keys" $row.keys
    "ports" $row.raw "facts" ($.Files.Get "facts.json" | fromJson)) }}
{{- end }}
"""
URL = "p4ss%20%22w%27ord%22%20%24%28id%29%20%7B%7B%20x%20%7D%7D%20%C3%A9"
EVERY_VARIABLE = {
    "PGHOST": "h", "PGPORT": "1234", "PGDATABASE": "d/b", "PGUSER": "a n", "PGPASSWORD": PASSWORD,
    "MLFLOW_TRACKING_URI": "http://h:1234", "MLFLOW_TRACKING_USERNAME": "a n",
    "MLFLOW_TRACKING_PASSWORD": PASSWORD,
    "CHROMA_SERVER_HOST": "http://h:1234", "CHROMA_CLIENT_AUTH_CREDENTIALS": f"a n:{PASSWORD}",
    "MILVUS_GRPC_URI": "http://h:1234", "MILVUS_TOKEN": f"a n:{PASSWORD}",
    "HIVE_METASTORE_URI": "thrift://h:1234",
    "TRINO_HOSTNAME": "h", "TRINO_PORT": "1234", "TRINO_CATALOG": "c", "TRINO_PASSWORD": PASSWORD,
    "MARIADB_HOST": "h", "MARIADB_PORT": "1234", "MARIADB_DATABASE": "d/b", "MARIADB_USER": "a n",
    "MARIADB_PASSWORD": PASSWORD,
    "MONGODB_URI": f"mongodb://a%20n:{URL}@h:1234/d%2Fb?authSource=d%2Fb",
    "REDIS_URL": f"redis://:{URL}@h:1234",
    "KAFKA_BOOTSTRAP_SERVERS": "h:1234",
    "OPENSEARCH_URL": "https://h:1234", "OPENSEARCH_USERNAME": "a n",
    "ELASTICSEARCH_URL": "https://h:1234", "ELASTICSEARCH_PASSWORD": PASSWORD,
    "SPARK_THRIFT_HOST": "h", "SPARK_THRIFT_PORT": "1234",
    "QDRANT_URL": "http://h:1234", "QDRANT_API_KEY": PASSWORD,
    "NEO4J_URI": "neo4j://h:1234", "NEO4J_USERNAME": "a n",
    "LABEL_STUDIO_URL": "http://h:1234", "LABEL_STUDIO_API_KEY": "t",
    "DASK_SCHEDULER_ADDRESS": "tcp://h:1234",
    "ARGO_SERVER": "h:1234", "ARGO_NAMESPACE": "n", "ARGO_SECURE": "true",
    "ARGILLA_API_URL": "http://h:1234", "ARGILLA_API_KEY": "t",
    "LANGFUSE_HOST": "http://h:1234", "LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk",
    ".my.cnf": '[client]\ndatabase="d/b"\nhost="h"\n'
    'password="p4ss \\"w\'ord\\" $(id) {{ x }} é"\nport="1234"\nuser="a n"\n',
}  # fmt: skip


def test_what_any_service_publishes_a_session_finds(helm: Helm, tmp_path: Path) -> None:
    """By the same row of the table, whatever stands in the password."""
    publisher = written("mlflow", tmp_path)
    (publisher / "templates/every.yaml").write_text(EVERY)
    (publisher / "facts.json").write_text(json.dumps(FACTS))
    secrets: dict[str, tuple[str, dict[str, str | bytes]]] = {}
    as_they_are = set()
    for item in documents(helm.template(publisher, release="s-1", values=None)):
        service = (item["metadata"].get("annotations") or {}).get("onyxia/discovery")
        if service:
            raw = {key: text.encode() for key, text in (item.get("data") or {}).items()}
            as_they_are |= raw.keys()
            secrets[f"its-{service}"] = (service, {**item["stringData"], **raw})
    with cluster(secrets) as server:
        found = environment(helm, written("jupyter-pyspark", tmp_path), server)
    assert {name: found.get(name) for name in EVERY_VARIABLE} == EVERY_VARIABLE
    assert "<value>thrift://h:1234</value>" in found["hive-site.xml"]
    assert as_they_are == {"postgres-port", "mariadb-port"}
    assert json.loads(found["config.json"])["METAFLOW_SERVICE_URL"] == "http://h:1234"


def named(helm: Helm, about: str, folder: Path) -> str:
    """What a chart publishes whose helper says this of itself."""
    chart = written("mlflow", folder)
    (chart / "templates/_own.tpl").write_text(
        f'{{{{- define "mlflow.discovery" -}}}}\n{about}\n{{{{- end -}}}}\n'
    )
    # Of two templates of a name helm takes the last that it reads.
    helpers = chart / "templates/_mlflow-server.tpl"
    helpers.write_text(helpers.read_text().replace('"mlflow.discovery"', '"mlflow.replaced"', 1))
    return helm.template(chart, release="s-1", values=None)


def test_a_service_may_say_its_keys_itself(helm: Helm, tmp_path: Path) -> None:
    """As charts did before there was a table."""
    text = named(helm, 'service: clock\nentries: {clock-host: "h"}', tmp_path)
    (secret,) = (it for it in documents(text) if it["metadata"]["name"].endswith("-discovery"))
    assert secret["metadata"]["annotations"] == {"onyxia/discovery": "clock"}
    assert secret["stringData"] == {"clock-host": "h"}


def test_a_service_that_no_row_describes_is_named(helm: Helm, tmp_path: Path) -> None:
    with pytest.raises(
        StepError, match=r"services\.yaml has no row that says what clock publishes"
    ):
        named(helm, "service: clock\nfacts: {}", tmp_path)


# What official charts write: a raw port, a text in place of a value, several Secrets of a service.
OFFICIAL: Secrets = {
    "a-empty": ("postgres", {"postgres-port": b"5432"}),
    "b-postgres": ("postgres", {
        "postgres-service": "pg", "postgres-port": "5433", "postgres-username": "ann",
        "postgres-database": ".Values.global.postgresql.auth.database", "password": "x",
    }),
    "mariadb": ("mariadb", {
        "mariadb-service": "m", "mariadb-port": b"3306", "mariadb-password": "of-root",
        "mariadb-username": ".Values.auth.username",
    }),
    "mongodb": ("mongodb", {"mongodb-service": "m-0:27017,m-1:27017", "mongodb-username": "ann",
                            "mongodb-password": "a/b"}),
    "trino-one": ("trino", {"trino-service": "trino.example.org", "trino-port": "443",
                            "trino-database": "hive"}),
    "trino-two": ("trino", {"trino-service": "trino.example.org", "trino-database": "tpch"}),
    "trino-x-other": ("trino", {"trino-service": "else.example.org", "trino-database": "no"}),
    "elastic": ("elastic", {"elastic-service": "e", "elastic-port": "9200", "elastic-tls": "false",
                            "elastic-schema": "https"}),
    "opensearch": ("opensearch", {"opensearch-service": "o"}),
    "hive": ("hive", {"hive-service": "h", "hive-endpoint": ".Values.s3.endpoint"}),
    "thrift": ("spark-thrift-server", {"thrift-service": "t"}),
    "chroma": ("chromadb", {"CHROMA_SERVER_HOST": "http://c", "CHROMA_AUTH_SECRET": "is-gone",
                            "CHROMA_CLIENT_AUTH_CREDENTIALS": "ann:pw"}),
    "kafka": ("kafka", {"kafka-service": ".Values.kafka.host"}),
    "milvus": ("milvus", {"MILVUS_TOKEN": "t"}),
}  # fmt: skip
OF_OFFICIAL = {
    "PGHOST": "pg", "PGPORT": "5433", "PGDATABASE": None, "PGUSER": "ann", "PGPASSWORD": "x",
    "MARIADB_HOST": "m", "MARIADB_PORT": "3306", "MARIADB_PASSWORD": "of-root",
    "MARIADB_USER": None,
    ".my.cnf": '[client]\nhost="m"\npassword="of-root"\nport="3306"\n',
    "MONGODB_URI": "mongodb://ann:a%2Fb@m-0:27017,m-1:27017/",
    "TRINO_HOSTNAME": "trino.example.org", "TRINO_PORT": "443", "TRINO_CATALOG": "hive,tpch",
    "ELASTICSEARCH_URL": "https://e:9200", "OPENSEARCH_URL": "http://o:9200",
    "HIVE_METASTORE_URI": "thrift://h:9083", "SPARK_THRIFT_PORT": "10000",
    "CHROMA_SERVER_HOST": "http://c", "CHROMA_CLIENT_AUTH_CREDENTIALS": "ann:pw",
    "KAFKA_BOOTSTRAP_SERVERS": None, "MILVUS_TOKEN": None,
}  # fmt: skip


def test_what_official_charts_publish_a_session_finds(helm: Helm, tmp_path: Path) -> None:
    """What cannot be used is named in the notes, with what it lacks."""
    with cluster(OFFICIAL) as server:
        release = asked(helm, written("jupyter-pyspark", tmp_path), server)
    found = given(release)
    assert {name: found.get(name) for name in OF_OFFICIAL} == OF_OFFICIAL
    lines = [line for line in release.notes.splitlines() if line.startswith("No connection to")]
    assert lines == [
        "No connection to Kafka: the Secret `kafka`, by which it is found, lacks kafka-service.",
        "No connection to Milvus: the Secret `milvus`, by which it is found, lacks"
        " MILVUS_GRPC_URI.",
    ]


def test_of_two_passwords_a_session_takes_that_of_the_user(helm: Helm, tmp_path: Path) -> None:
    """The official chart publishes that of the superuser too."""
    entries = {
        "postgres-service": "db", "postgres-username": "ann", "postgres-password": "of-all",
        "password": "of-ann",
    }  # fmt: skip
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
