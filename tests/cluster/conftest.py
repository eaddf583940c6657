"""The cluster, for all of its tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.__main__ import down, up
from tests.cluster.build import is_built
from tests.cluster.client import Cluster
from tests.cluster.place import Place
from tests.integration.starter import Catalog, first_week

MATRIX = """\
catalog:
  name: cluster
  repository: "{{registry}}/onyxia-{{image}}"
  registries: [embedded]
  embedded: 127.0.0.1:{port}
lock: {{cooldown: 0d}}
axes:
  debian:
    "13": {{sources: [{{bootstrap: trixie}}]}}
  postgresql:
    "17": {{provider: apt, requires: {{debian: "13"}}, tag: "pg{{version}}"}}
images:
  postgresql: {{from: debian, axes: [debian, postgresql]}}
charts:
  postgresql: {{recipe: postgresql, image: postgresql}}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster that ends with the tests."""
    place = Place(minor=os.environ.get("K8S", "1.34"))
    if not is_built(place.minor):
        pytest.skip(f"make cluster-build K8S={place.minor} was not run")
    up(place, parent=os.getpid())
    try:
        yield Cluster(place=place)
    finally:
        down(place)


@pytest.fixture(scope="session")
def catalog() -> Iterator[Catalog]:
    """A catalog of one image and one chart, PostgreSQL, after its first week."""
    with first_week(MATRIX) as made:
        yield made


@pytest.fixture(scope="session")
def images(catalog: Catalog) -> Iterator[None]:
    """The registry of that catalog, while the cluster pulls from it."""
    with catalog.session().registry():
        yield


@pytest.fixture(scope="session")
def image(catalog: Catalog, images: None) -> str:
    """An image with a shell and perl."""
    return f"{catalog.session().catalog.matrix.embedded}/onyxia-postgresql:latest"
