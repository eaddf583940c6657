"""Read projects of a Maven repository: their parents, properties, and what they depend on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree

from builder.common.errors import StepError

_PROPERTY = re.compile(r"\$\{([^${}]+)\}")
_LEVELS = 30
Element = ElementTree.Element


@dataclass(frozen=True, kw_only=True)
class Coordinates:
    """A project of a repository in one version."""

    group: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"

    def path(self, ending: str) -> str:
        """Return the path of a file of it: `.pom`, `.jar`, `-linux.jar`."""
        folder = f"{self.group.replace('.', '/')}/{self.name}/{self.version}"
        return f"{folder}/{self.name}-{self.version}{ending}"


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """What a project depends on. What it does not state is ""; exclusions are `group:name`."""

    group: str
    name: str
    version: str = ""
    kind: str = "jar"
    classifier: str = ""
    scope: str = ""
    is_optional: bool = False
    exclusions: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """What two of the same artifact have in common."""
        return f"{self.group}:{self.name}:{self.kind}:{self.classifier}"


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project with all that it has from its parents, in the words of its own properties.

    `managed` are the dependencies that are `stated` as managed, and those of its `imports`.
    """

    coordinates: Coordinates
    properties: Mapping[str, str] = field(default_factory=dict)
    stated: Mapping[str, Dependency] = field(default_factory=dict)
    imports: tuple[Dependency, ...] = ()
    managed: Mapping[str, Dependency] = field(default_factory=dict)
    dependencies: Mapping[str, Dependency] = field(default_factory=dict)
    relocation: Coordinates | None = None

    def filled(self, text: str) -> str:
        """Return a text with the values of properties. Raises StepError for one without."""
        for _ in range(_LEVELS):
            if not _PROPERTY.search(text):
                return text
            text = _PROPERTY.sub(lambda match: self._value(match[1]), text)
        raise StepError(f"{self.coordinates}: a property of {text!r} names itself")

    def _value(self, name: str) -> str:
        own = {
            "groupId": self.coordinates.group,
            "artifactId": self.coordinates.name,
            "version": self.coordinates.version,
        }
        if name in self.properties:
            return self.properties[name]
        plain = name.removeprefix("project.").removeprefix("pom.")
        if plain not in own:
            raise StepError(f"{self.coordinates} has no property {name}")
        return own[plain]

    def resolved(self, dependency: Dependency) -> Dependency:
        """Return a dependency with what the project manages of it, and the values of properties."""
        managed = self.managed.get(dependency.key)
        if managed is not None:
            dependency = replace(
                dependency,
                version=dependency.version or managed.version,
                scope=dependency.scope or managed.scope,
                exclusions=dependency.exclusions | managed.exclusions,
            )
        return replace(dependency, version=exact(self.filled(dependency.version)))


def exact(version: str) -> str:
    """Return a version; `[1.2]` is 1.2. Raises StepError for a range of versions."""
    plain = version[1:-1] if version.startswith("[") and version.endswith("]") else version
    if re.search(r"[][(),]", plain):
        raise StepError(f"a range of versions cannot be locked: {version}")
    return plain


class Projects:
    """Reads projects, each once. `fetch` returns the text of a path in the repository."""

    def __init__(self, fetch: Callable[[str], str]) -> None:
        self._fetch = fetch
        self._projects: dict[Coordinates, Project] = {}

    def project(self, coordinates: Coordinates, level: int = 0) -> Project:
        """Return a project with what it has from its parents. Raises StepError."""
        if level > _LEVELS:
            raise StepError(f"{coordinates} has too many parents, or is its own")
        if coordinates not in self._projects:
            root = _parsed(self._fetch(coordinates.path(".pom")), coordinates)
            self._projects[coordinates] = self._whole(root, coordinates, level)
        return self._projects[coordinates]

    def _whole(self, root: Element, coordinates: Coordinates, level: int) -> Project:
        parent_element = root.find("parent")
        parent = None
        if parent_element is not None:
            parent = self.project(_coordinates(parent_element), level + 1)
        properties = {**(parent.properties if parent else {}), **dict(_properties(root))}
        if parent is not None:
            properties |= {
                "project.parent.version": parent.coordinates.version,
                "project.parent.groupId": parent.coordinates.group,
            }
        own = Project(coordinates=coordinates, properties=properties)
        dependencies = {
            **(_refilled(parent.dependencies, own) if parent else {}),
            **_by_key(root.iterfind("dependencies/dependency"), own),
        }
        found = _by_key(root.iterfind("dependencyManagement/dependencies/dependency"), own)
        stated = {key: item for key, item in found.items() if item.scope != "import"}
        imports = [item for item in found.values() if item.scope == "import"]
        if parent is not None:
            stated = {**_refilled(parent.stated, own), **stated}
            imports += parent.imports
        return replace(
            own,
            stated=stated,
            imports=tuple(imports),
            managed=self._managed(own, stated, imports, level),
            dependencies=dependencies,
            relocation=_relocation(root, own),
        )

    def _managed(
        self, own: Project, stated: Mapping[str, Dependency], imports: Iterable[Dependency],
        level: int,
    ) -> dict[str, Dependency]:  # fmt: skip
        """Return the managed dependencies: those that are stated win, then the first import."""
        managed = dict(stated)
        for item in imports:
            at = Coordinates(
                group=item.group, name=item.name, version=exact(own.filled(item.version))
            )
            imported = self.project(at, level + 1)
            for key, dependency in imported.managed.items():
                version = imported.filled(dependency.version)
                managed.setdefault(key, replace(dependency, version=version))
        return managed


def _refilled(dependencies: Mapping[str, Dependency], own: Project) -> dict[str, Dependency]:
    return {item.key: item for item in (_filled(item, own) for item in dependencies.values())}


def _by_key(elements: Iterator[Element], own: Project) -> dict[str, Dependency]:
    return {item.key: item for item in (_filled(_dependency(it), own) for it in elements)}


def _filled(dependency: Dependency, own: Project) -> Dependency:
    """Return a dependency whose names have the values of properties; its version keeps them."""
    return replace(
        dependency,
        group=own.filled(dependency.group),
        name=own.filled(dependency.name),
        classifier=_or_empty(own, dependency.classifier),
    )


def _or_empty(own: Project, text: str) -> str:
    try:
        return own.filled(text)
    except StepError:
        return ""  # of a platform that a plugin detects


def _parsed(text: str, coordinates: Coordinates) -> Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise StepError(f"{coordinates}: its project has entities, which none needs")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise StepError(f"{coordinates}: its project cannot be read: {error}") from error
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


def _text(element: Element, path: str, default: str = "") -> str:
    return (element.findtext(path) or default).strip()


def _coordinates(element: Element) -> Coordinates:
    return Coordinates(
        group=_text(element, "groupId"),
        name=_text(element, "artifactId"),
        version=_text(element, "version"),
    )


def _properties(root: Element) -> Iterator[tuple[str, str]]:
    for element in root.iterfind("properties/*"):
        yield str(element.tag), (element.text or "").strip()


def _dependency(element: Element) -> Dependency:
    kind, classifier = _text(element, "type", "jar"), _text(element, "classifier")
    if kind == "test-jar":
        kind, classifier = "jar", classifier or "tests"
    return Dependency(
        group=_text(element, "groupId"),
        name=_text(element, "artifactId"),
        version=_text(element, "version"),
        kind="jar" if kind in {"bundle", "ejb", "maven-plugin"} else kind,
        classifier=classifier,
        scope=_text(element, "scope"),
        is_optional=_text(element, "optional") == "true",
        exclusions=frozenset(
            f"{_text(item, 'groupId', '*')}:{_text(item, 'artifactId', '*')}"
            for item in element.iterfind("exclusions/exclusion")
        ),
    )


def _relocation(root: Element, own: Project) -> Coordinates | None:
    element = root.find("distributionManagement/relocation")
    if element is None:
        return None
    at = own.coordinates
    return Coordinates(
        group=own.filled(_text(element, "groupId", at.group)),
        name=own.filled(_text(element, "artifactId", at.name)),
        version=own.filled(_text(element, "version", at.version)),
    )
