"""Whether a session may become root: what the matrix says reaches images and charts."""

from __future__ import annotations

import pytest

from builder.lock.lockfile import dump
from tests.fakes.catalog import LOCK, Folder, Week, with_package_sets


@pytest.mark.parametrize("said", ["", "  sudo: true\n", "  sudo: false\n"])
def test_recipes_and_values_of_charts_know_it(folder: Folder, week: Week, said: str) -> None:
    folder.edit("matrix.yaml", "  registries:", f"{said}  registries:")
    folder.edit("images/desk/Dockerfile.j2", "COPY files/", "# {{ sudo }}\nCOPY files/")
    folder.edit(
        "charts/features/core/feature.yaml", "values:\n",
        "values:\n  mayBeRoot: {type: boolean, default: $sudo, text: Root}\n",
    )  # fmt: skip
    folder.edit(
        "charts/features/core/templates/pod.yaml", "spec: {",
        "{{- if .Values.mayBeRoot }}\n{{- end }}\nspec: {",
    )  # fmt: skip
    folder.write("matrix.lock", dump(with_package_sets(folder.load(), LOCK)))
    planned = week.app().plan()
    may = "true" in said
    assert f"# {may}\n" in planned.targets["desk/os=2,lang=1.10"].dockerfile.text
    values = planned.charts["desk"].files["values.yaml"].decode()
    assert f"mayBeRoot: {str(may).lower()}\n" in values
