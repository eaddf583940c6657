"""Spark's properties: values that are never evaluated, and what older values gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from builder.charts.helm import Helm
from builder.charts.manifests import documents

from .conftest import Played, one, written

# Texts that values.yaml had, ours before and those of official charts: `--reuse-values` keeps them.
ACCOUNT = "spark.kubernetes.authenticate.driver.serviceAccountName"
FORMER = {
    "spark.master": "k8s://https://kubernetes.default.svc:443",
    ACCOUNT: '{{ include "onyxia-library.fullname" . }}',
    "spark.kubernetes.driver.pod.name": '{{ include "onyxia-library.fullname" . }}-0',
    "spark.kubernetes.namespace": "{{ .Release.Namespace }}",
    "spark.kubernetes.container.image": "",
    "spark.driver.extraJavaOptions": '{{ include "jupyter-pyspark.sparkJavaOptions" . }}',
    "spark.executor.extraJavaOptions": '{{ include "jupyter-pyspark.sparkJavaOptions" . }}',
}
OFFICIAL = {
    key: text.replace("onyxia-library.fullname", "library-chart.fullname").replace(
        "jupyter-pyspark.sparkJavaOptions", "library-chart.sparkExtraJavaOptions"
    )
    for key, text in FORMER.items()
}


@pytest.fixture(scope="module")
def spark(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("spark")
    return Played(folder=written("jupyter-pyspark", folder), helm=helm, scratch=folder)


def properties(chart: Played, values: Mapping[str, Any]) -> dict[str, str]:
    """The properties in spark-defaults.conf, by name."""
    manifests = documents(chart.template(values))
    text = one(manifests, "Secret", "-spark-files")["stringData"]["spark-defaults.conf"]
    return dict(line.split(" ", 1) for line in text.splitlines() if line)


@pytest.mark.parametrize("config", [FORMER, OFFICIAL])
def test_older_values_give_what_they_gave(spark: Played, config: Mapping[str, str]) -> None:
    beside = {"proxy": {"enabled": True, "noProxy": "localhost,.example.org"}}
    found = properties(spark, {**beside, "spark": {"config": config}})
    assert found == properties(spark, beside)
    options = (
        "-Dcom.amazonaws.sdk.disableCertChecking=false -Dhttp.nonProxyHosts=localhost|*.example.org"
    )
    expected = {
        ACCOUNT: "r-1-jupyter-pyspark",
        "spark.kubernetes.driver.pod.name": "r-1-jupyter-pyspark-0",
        "spark.kubernetes.namespace": "default",
        "spark.driver.extraJavaOptions": options,
        "spark.executor.extraJavaOptions": options,
    }
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    "text",
    [
        '{{ "tpl" | upper }}',
        '{{ lookup "v1" "Secret" "kube-system" "" | toJson }}',
        '{{ include "onyxia-library.name" . }}',
        "{{ .Values.security.password }}",
        "{{ sample",
        "${password}",
    ],
)
def test_a_value_is_never_a_template(spark: Played, text: str) -> None:
    values = {"spark": {"config": {"a": text}, "userConfig": {"b": text}}}
    found = properties(spark, values)
    assert (found["a"], found["b"]) == (text, text)


def test_words_of_the_list_are_replaced_wherever_they_stand(spark: Played) -> None:
    values = {"spark": {"config": {"a": "x-${fullname}-${namespace}-${spark.user}"}}}
    assert properties(spark, values)["a"] == "x-r-1-jupyter-pyspark-default-${spark.user}"


def roles(chart: Played, values: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The role of each binding of the session's account, by the name of the binding."""
    return {
        item["metadata"]["name"].removeprefix("r-1-jupyter-pyspark-"): (
            item["roleRef"]["kind"],
            item["roleRef"]["name"],
        )
        for item in chart.manifests(values)
        if item["kind"] == "RoleBinding" and item["subjects"][0]["name"] == "r-1-jupyter-pyspark"
    }


def test_a_session_with_spark_may_do_what_a_driver_does_and_no_more(spark: Played) -> None:
    own = ("Role", "r-1-jupyter-pyspark-spark")
    assert roles(spark, {"kubernetes": {"enabled": False}}) == {"spark": own}
    assert "admin" not in str(roles(spark, {}))
    asked = roles(spark, {"kubernetes": {"enabled": True, "role": "admin"}})
    assert asked == {"spark": own, "admin": ("ClusterRole", "admin")}
    without = {"spark": {"default": False}, "kubernetes": {"enabled": False}}
    assert roles(spark, without) == {}
    rules = one(spark.manifests({}), "Role")["rules"]
    assert [(rule["apiGroups"], rule["resources"]) for rule in rules] == [
        ([""], ["pods", "services", "configmaps", "persistentvolumeclaims"])
    ]
    assert set(rules[0]["verbs"]) == {
        "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection",
    }  # fmt: skip
