"""The manifests of this catalog, held against Argo Workflows itself: its schema and its checks.

The Go module is fetched, and its checks are compiled once, which takes ten minutes of a processor.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from builder.ci.argo import ARGO
from builder.ci.argo_schema import missing_fields
from builder.ci.systems import Follow
from builder.ci.tasks import tasks
from builder.common.process import Command, Runner
from tests.fakes.this_catalog import this_catalog

SOURCE = Path(__file__).parents[2] / "argo"
PLACE = Path(__file__).parents[3] / "build" / "argo"
MODULE = "github.com/argoproj/argo-workflows/v4"

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]


def go(*arguments: str) -> str:
    """Run go on the module of the checks, and return what it prints."""
    argv = ("nice", "go", *arguments)
    return Runner().run(Command(argv=argv, cwd=SOURCE, timeout=3600.0)).stdout


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The manifests of this catalog, as files."""
    folder = tmp_path_factory.mktemp("manifests")
    files = ARGO.workflows(1, tasks=tasks(this_catalog().expansion), follow=Follow())
    written = [folder / os.path.basename(name) for name in files]
    for file, data in zip(written, files.values(), strict=True):
        file.write_bytes(data)
    return written


def test_argos_schema_has_all_fields(manifests: list[Path]) -> None:
    folder = Path(json.loads(go("mod", "download", "-json", MODULE))["Dir"])
    schema = json.loads((folder / "api/jsonschema/schema.json").read_bytes())
    documents = [
        document for file in manifests for document in yaml.safe_load_all(file.read_text())
    ]
    assert missing_fields(documents, schema) == ()
    documents[0]["spec"]["templates"][0]["dag"]["tasks"][0]["dependsOn"] = "x"
    assert missing_fields(documents, schema) == (
        "WorkflowTemplate.spec.templates.dag.tasks.dependsOn",
    )


def test_argos_server_would_take_them(manifests: list[Path]) -> None:
    lint = PLACE / "lint"
    go("build", "-o", str(lint), ".")
    names = tuple(map(str, manifests))
    Runner().run(Command(argv=(str(lint), *names)))
    broken = manifests[0].with_name("broken.yaml")
    broken.write_text(manifests[0].read_text().replace("depends: lock\n", "depends: look\n"))
    output = Runner().run(Command(argv=(str(lint), str(broken))), check=False)
    assert output.code == 1
    assert "look" in output.log


def test_they_are_small_enough_for_a_cluster(manifests: list[Path]) -> None:
    """A workflow has its template in it, beside the state of each task; a megabyte is the most."""
    document = yaml.safe_load(manifests[0].read_text())
    assert len(json.dumps(document, separators=(",", ":"))) < 400_000
