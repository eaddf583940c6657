"""The files of our chart around an upstream's, whose package is in it as it is. Pure.

The package itself is added when the chart is packaged: till then its place holds its hash, which
is what the fingerprint of our chart needs of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from builder.catalog.models import Chart, UpstreamChart, UpstreamChartRecipe
from builder.charts.package import package_file
from builder.charts.render import values as describe
from builder.charts.render.values import Value
from builder.charts.upstream.pins import copies, pin_values
from builder.common.errors import BuilderError, ConfigError, Location, StepError, raise_all
from builder.common.mappings import merged, nested
from builder.common.yaml_writer import block
from builder.lock.lockfile import ChartLock

_TYPES = ("string", "boolean", "integer", "number", "array", "object")
_IGNORED = ".git/\n.gitignore\n*.orig\n*.swp\n"


def files_of_upstream(
    *,
    chart: Chart,
    recipe: UpstreamChartRecipe,
    locked: ChartLock,
    repository_of: Callable[[str], str],
    version: str,
    catalog: str,
) -> dict[str, bytes]:
    """Return the files of a chart, by path below its folder. Raises ConfigError."""
    upstream = _upstream(chart)
    shown = _shown(recipe, upstream.name)
    own = copies(locked, repository_of)
    settings = {upstream.name: merged(recipe.values, pin_values(recipe, locked, own))}
    values = merged(settings, _defaults(shown), _given(chart))
    fixed = _fixed(settings, {value.keys for value in shown}, recipe)
    text = {
        ".helmignore": _IGNORED,
        "Chart.yaml": "\n".join(block(_about(chart, recipe, locked, version))) + "\n",
        "README.md": _readme(chart, recipe, locked, catalog),
        "values.yaml": "\n".join([f"# Values of the chart {chart.name}.", *block(values)]) + "\n",
        "values.schema.json": json.dumps(
            describe.schema((*shown, *fixed), recipe.title), indent=2, ensure_ascii=False
        )
        + "\n",
        "templates/NOTES.txt": f"## {recipe.title}\n",
        "ci/default-values.yaml": "# Every value at its default.\n{}\n",
        package_path(chart, locked): f"{locked.digest}\n",
    }
    return {path: content.encode() for path, content in sorted(text.items())}


def package_path(chart: Chart, locked: ChartLock) -> str:
    """Return where the package of the upstream's chart lies in ours."""
    return f"charts/{package_file(_upstream(chart).name, locked.version)}"


def with_package(files: Mapping[str, bytes], package: bytes) -> dict[str, bytes]:
    """Return the files of a chart with the package of the upstream's in its place.

    Raises StepError where it is not the one that is locked.
    """
    digest = f"sha256:{hashlib.sha256(package).hexdigest()}"
    (place,) = (path for path in files if path.startswith("charts/"))
    if (locked := files[place].decode().strip()) != digest:
        raise StepError(
            f"{place.removeprefix('charts/')} has the hash {digest}, and {locked} is locked",
            hint="restore it from where it was; `builder lock --upgrade` takes what is there now",
        )
    return {**files, place: package}


def unread(recipe: UpstreamChartRecipe, values: Mapping[str, object]) -> Iterator[str]:
    """Yield what a recipe sets or shows and an upstream's values.yaml does not have."""
    paths = [*recipe.form]
    for rule in recipe.images:
        paths += [rule.registry, rule.repository, rule.tag, rule.digest]
    for path in filter(None, dict.fromkeys(paths)):
        if not _has(values, describe.split_path(path)):
            yield f"upstream.yaml names the value {path}, which values.yaml of upstream lacks"


def _has(node: object, keys: Sequence[str]) -> bool:
    """Whether a values.yaml has a path, or leaves open what is in a part of it, as `{}`."""
    for key in keys:
        if not node and not isinstance(node, str | bool | int):
            return True
        if not isinstance(node, Mapping) or key not in node:
            return False
        node = node[key]
    return True


def _upstream(chart: Chart) -> UpstreamChart:
    if chart.upstream is None:
        raise ConfigError(f"chart {chart.name} is not made of an upstream's")
    return chart.upstream


def _shown(recipe: UpstreamChartRecipe, below: str) -> tuple[Value, ...]:
    """Return the values that a form shows, below the name of the dependency."""
    folder, groups, values = f"charts/{recipe.name}", {}, []
    errors: list[BuilderError] = []
    for path, spec in recipe.form.items():
        location = describe.locate(recipe.files, folder, "upstream.yaml", path)
        keys = (below, *describe.split_path(path)[:-1])
        for number in range(1, len(keys) + 1):
            groups[".".join(keys[:number])] = location
        try:
            values.append(describe.read_value(f"{below}.{path}", spec, {"chart": ""}, location))
        except ConfigError as error:
            errors.append(error)
    own = [
        Value(path=path, type="object", default=None, owner=at_, is_group=True, title=_title(path))
        for path, at_ in groups.items()
    ]
    raise_all([*errors, *describe.check([*own, *values], lambda _path: "")])
    return (*own, *values)


def _fixed(
    settings: Mapping[str, object], shown: Collection[tuple[str, ...]], recipe: UpstreamChartRecipe
) -> Iterator[Value]:
    """Yield what the recipe and the lock set: no launch takes another image, or a right back."""
    owner = Location(file=f"charts/{recipe.name}/upstream.yaml")
    for keys, value in _leaves(settings, ()):
        kind = next((name for name in _TYPES if describe.is_type(value, name)), "")
        if kind and keys not in shown:
            path = ".".join(key.replace(".", "\\.") for key in keys)
            yield Value(path=path, type=kind, default=value, owner=owner, form=False, is_fixed=True)


def _leaves(node: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(node, Mapping) and node:
        for key, child in node.items():
            yield from _leaves(child, (*path, str(key)))
    else:
        yield path, node


def _title(path: str) -> str:
    return path.rpartition(".")[2].replace("-", " ").capitalize()


def _defaults(shown: tuple[Value, ...]) -> dict[str, object]:
    return merged(*(nested(value.keys, value.default) for value in shown if not value.is_group))


def _given(chart: Chart) -> dict[str, object]:
    """Return the values that the line of the matrix says otherwise."""
    return merged(*(nested(describe.split_path(path), it) for path, it in chart.values.items()))


def _about(
    chart: Chart, recipe: UpstreamChartRecipe, locked: ChartLock, version: str
) -> dict[str, object]:
    entries: dict[str, object] = {
        "apiVersion": "v2",
        "name": chart.name,
        "version": version,
        "appVersion": locked.version,
        "type": "application",
        "description": recipe.description,
    }
    more = {"icon": recipe.icon, "home": recipe.home, "keywords": recipe.keywords}
    entries |= {key: value for key, value in more.items() if value}
    if chart.is_deprecated:
        entries["deprecated"] = True
    dependency = {"name": _upstream(chart).name, "version": locked.version, "repository": ""}
    return {**entries, "dependencies": [dependency]}


def _readme(chart: Chart, recipe: UpstreamChartRecipe, locked: ChartLock, catalog: str) -> str:
    upstream = _upstream(chart)
    lines = [
        f"# {chart.name}",
        "",
        f"{recipe.description}.",
        "",
        f"A chart of the catalog {catalog}, made of {upstream.name} {locked.version} of",
        f"{upstream.repository}, whose package ({locked.digest}) is in it as it is.",
        "",
        "## Images",
        "",
        *(f"- `{image}@{digest}`" for image, digest in locked.images.items()),
    ]
    return "\n".join(lines) + "\n"


def unlocked_reason(chart: Chart) -> str:
    """Return why a chart that is not locked cannot be packaged, with the command that locks it."""
    upstream = _upstream(chart)
    return (
        f"chart {upstream.name} of {upstream.repository} is not locked: run"
        f" `builder lock -s {chart.name}`, which asks there"
    )
