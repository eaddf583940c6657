"""Writes the first files of a recipe, a chart, a service or a feature of charts.

The files lie in `builder/scaffold`, each as it is written but for what `$name` stands for. What is
written passes its own tests, and the line in matrix.yaml that uses it is written with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from builder.app.first_catalog import write_catalog
from builder.app.load import load
from builder.catalog.fields import NAME
from builder.catalog.matrix import Matrix
from builder.catalog.models import Catalog, Recipe
from builder.catalog.recipe import lineage_recipes
from builder.catalog.yaml_text import with_entry
from builder.common.errors import ConfigError, SelectionError
from builder.common.files import write
from builder.common.text import names_hint
from builder.overlay.source_catalogs import MATRIX

_TEMPLATES = Path(__file__).parents[1] / "scaffold"
_USER = """\
# Charts run an image as user 1000, in /home/onyxia/work.
RUN useradd --uid 1000 --gid users --no-user-group --no-create-home onyxia \\
 && install --directory --owner=1000 --group=100 --mode=2777 /home/onyxia /home/onyxia/work \\
 && rm -f /etc/*- /var/log/faillog /var/log/lastlog"""
"""What a root image needs: others have it from their parent."""


@dataclass(frozen=True, kw_only=True)
class Scaffold:
    """What is written: files by path, and entries of matrix.yaml by section."""

    name: str
    files: Mapping[str, bytes]
    entries: Mapping[str, Mapping[str, object]]


def recipe(catalog: Catalog, name: str, origin: str) -> Scaffold:
    """Return the recipe of an image on `origin`, an image or an axis with base images.

    Raises SelectionError where there is no `origin`.
    """
    return _image("recipe", catalog.matrix, name, origin)


def service(catalog: Catalog, name: str, origin: str) -> Scaffold:
    """Return the recipe of an image that serves, on `origin`, and its chart.

    Raises ConfigError where `origin` starts a service itself, whose tests this one would fail.
    """
    if (other := _served(catalog, origin)) is not None:
        raise ConfigError(
            f"{origin!r} starts a service already: that of images/{other.name}",
            hint="choose a parent without one",
        )
    return _image("service", catalog.matrix, name, origin, charts={"image": name})


def chart(catalog: Catalog, name: str, image: str) -> Scaffold:
    """Return a chart that starts what the recipes of `image` say.

    Raises SelectionError where there is no such image, and ConfigError where it has no service.
    """
    if image not in catalog.matrix.images:
        raise _unknown("image", image, list(catalog.matrix.images))
    served = _served(catalog, image)
    if served is None:
        raise ConfigError(
            f"image {image!r} has no service: no recipe of it says command and ports",
            hint=f"say both in images/{catalog.matrix.images[image].recipe}/recipe.yaml",
        )
    facts = {
        "recipe": served.name,
        "command": json.dumps(list(served.command)),
        "port": str(served.ports[0]),
    }
    return _scaffold("chart", name, facts, {"charts": {"recipe": name, "image": image}})


def feature(name: str) -> Scaffold:
    """Return a feature of charts: a value, and the variable that it sets."""
    return _scaffold("feature", name, {}, {})


def add(root: Path, scaffold: Scaffold) -> None:
    """Write the files, and the lines of matrix.yaml: all, or nothing.

    Raises ConfigError where something is there already, or where the catalog does not load with it.
    """
    matrix = root / MATRIX
    before = matrix.read_bytes()
    text = before.decode()
    for section, entry in scaffold.entries.items():
        text = with_entry(text, MATRIX, (section, scaffold.name), entry, ())
    with _undone_on_error(root, before, scaffold.files):
        write(matrix, text.encode())
        load(root)


@contextmanager
def _undone_on_error(root: Path, matrix: bytes, files: Mapping[str, bytes]) -> Iterator[None]:
    """Write files; where what follows fails, remove them and restore matrix.yaml."""
    write_catalog(root, dict(files))
    try:
        yield
    except BaseException:
        write(root / MATRIX, matrix)
        for path in files:
            (root / path).unlink(missing_ok=True)
        parents = {parent for path in files for parent in Path(path).parents}
        for folder in sorted(parents, reverse=True):
            _remove_empty(root / folder)
        raise


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _image(
    kind: str, matrix: Matrix, name: str, origin: str, charts: Mapping[str, object] | None = None
) -> Scaffold:
    if origin not in (*matrix.images, *matrix.base_axes):
        raise _unknown("parent", origin, [*matrix.images, *matrix.base_axes])
    is_root = origin in matrix.base_axes
    image: dict[str, object] = {"from": origin, "axes": [origin]} if is_root else {"from": origin}
    entries = {"images": image} | ({"charts": charts} if charts else {})
    return _scaffold(kind, name, {"user": _USER if is_root else "USER 0"}, entries)


def _scaffold(
    kind: str, name: str, more: Mapping[str, str], entries: Mapping[str, Mapping[str, object]]
) -> Scaffold:
    """Return the files of a kind with its facts filled in. Raises ConfigError for no name."""
    if not re.fullmatch(NAME, name):
        raise ConfigError(
            f"not a name: {name!r}", hint="use lower-case words with hyphens, e.g. my-service"
        )
    facts = {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "variable": f"{name.replace('-', '_').upper()}_GREETING",
        "key": re.sub(r"-(.)", lambda match: match[1].upper(), name),
        **more,
    }
    folder = _TEMPLATES / kind
    files = {
        _path(source.relative_to(folder), facts): _filled(source, facts)
        for source in sorted(folder.rglob("*"))
        if source.is_file() and "__pycache__" not in source.parts
    }
    return Scaffold(name=name, files=files, entries=entries)


def _path(path: Path, facts: Mapping[str, str]) -> str:
    """Return the path of a file in the catalog; the name of a test is a word of Python."""
    name = facts["name"]
    word = name.replace("-", "_") if path.suffix == ".py" else name
    folder = path.parent.as_posix().replace("NAME", name)
    return f"{folder}/{path.name.replace('NAME', word)}"


def _filled(source: Path, facts: Mapping[str, str]) -> bytes:
    return Template(source.read_text(encoding="utf-8")).substitute(facts).encode()


def _served(catalog: Catalog, image: str) -> Recipe | None:
    """Return the recipe of an image, or of the nearest parent, that says how a service starts."""
    names = lineage_recipes(image, catalog.matrix)
    recipes = (catalog.recipes[name] for name in names if name in catalog.recipes)
    return next((one for one in recipes if one.command and one.ports), None)


def _unknown(what: str, name: str, names: Sequence[str]) -> SelectionError:
    return SelectionError(f"there is no {what} {name!r}", hint=names_hint(name, names))
