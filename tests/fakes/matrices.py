"""Matrices out of a few lines of YAML."""

from __future__ import annotations

from builder.catalog.expansion import Expansion, expand
from builder.catalog.models import Matrix
from builder.catalog.parser import parse_matrix
from builder.common.errors import raise_all

HEAD = "catalog: {name: shop, repository: '{registry}/{image}', registries: [example.org]}\n"


def matrix(text: str, head: str = HEAD) -> Matrix:
    """The matrix of a text, under a head that says what the catalog is called."""
    file, errors = parse_matrix(head + text, "matrix.yaml")
    raise_all(errors)
    assert file is not None
    return file.matrix


def expanded(text: str, head: str = HEAD) -> tuple[Matrix, Expansion]:
    """The matrix of a text, and what it stands for."""
    file, errors = parse_matrix(head + text, "matrix.yaml")
    raise_all(errors)
    assert file is not None
    return file.matrix, expand(file.matrix, file.document)


def ids(text: str, image: str) -> list[str]:
    """The ids of the variants of an image, without its name."""
    _, expansion = expanded(text)
    return [variant.id.removeprefix(f"{image}/") for variant in expansion.variants[image]]
