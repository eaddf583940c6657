"""The nouns of a catalog. Values only: frozen, and ignorant of files, engines and registries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from builder.catalog.ecosystem import Ecosystems, MirrorVariable
from builder.catalog.ids import TargetId, ValueId, VariantId
from builder.common.errors import Location

Path = tuple[str | int, ...]
"""Where something stands in its file, as keys from the top: `("images", "base", "axes", 0)`."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the content of a base comes from: an image of a registry, or a bootstrapped suite."""

    kind: str  # "registry" or "bootstrap"
    value: str  # a reference, or a suite such as trixie

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


@dataclass(frozen=True, kw_only=True)
class AxisValue:
    """One line of an axis, e.g. Python 3.13."""

    axis: str
    name: str
    tag: str | None = None
    eol: str | None = None  # the last day, YYYY-MM-DD
    provider: str | None = None
    line: str = ""  # what the provider calls it, where that is not its name
    platforms: tuple[str, ...] = ()  # the only ones that have it; none: all
    requires: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    @property
    def id(self) -> str:
        """`axis=value`."""
        return ValueId.of(self.axis, self.name)

    @property
    def upstream(self) -> str:
        """The line as its provider knows it."""
        return self.line or self.name


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Packages that an image, and what stands on it, has in certain versions only.

    `packages` is by ecosystem and name, and says it as the ecosystem does. `until` is the day,
    YYYY-MM-DD, on which somebody should look whether the reason still stands.
    """

    packages: Mapping[str, Mapping[str, str]]
    reason: str
    until: str


@dataclass(frozen=True, kw_only=True)
class Image:
    """A line of the matrix: a recipe on a parent, which is an image, or an axis for a root."""

    name: str
    recipe: str
    parent: str
    axes: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    inputs: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()  # the only ones that it is built for; none: all
    untagged: tuple[str, ...] = ()  # axes that its tags, and its children's, leave out
    publish: bool = True
    hold: Pin | None = None


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A line of the matrix: a chart recipe on the variants of an image."""

    name: str
    recipe: str
    image: str
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict)  # other defaults, by path
    places: Mapping[Path, Location] = field(default_factory=dict, compare=False, repr=False)
    """Where `()`, `("features", NAME)` and `("values", PATH)` stand in the matrix, if known."""

    def at(self, *path: str) -> Location:
        """Return where a part of its line stands in the matrix."""
        return self.places.get(path, Location(file="matrix.yaml"))


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long releases stay: of the last `weeks` all, of the last `months` one each.

    Only those count that have a release. `retired` are the days for which what people pull of a
    line stays once the line ended.
    """

    weeks: int = 8
    months: int = 12
    retired: int = 180


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """What `matrix.yaml` says. Mappings keep the order of the file: the first is the default."""

    name: str
    repository: str
    registries: tuple[str, ...]
    embedded: str
    platforms: tuple[str, ...]
    default_platform: str  # the one that ids do not name
    axes: Mapping[str, tuple[AxisValue, ...]]
    images: Mapping[str, Image]
    charts: Mapping[str, Chart]
    retention: Retention = Retention()

    def value(self, axis: str, name: str) -> AxisValue:
        """The value `name` of `axis`; KeyError where there is none."""
        return self._values[axis, name]

    @cached_property
    def _values(self) -> Mapping[tuple[str, str], AxisValue]:
        return {(axis, value.name): value for axis, values in self.axes.items() for value in values}

    @property
    def registry(self) -> str:
        """The registry that charts name, as `host[:port][/path]`."""
        return self.host(self.registries[0])

    def host(self, registry: str) -> str:
        """What a name in `registries` stands for."""
        return self.embedded if registry == "embedded" else registry

    def providers(self, values: Mapping[str, str]) -> dict[str, str]:
        """Where the line of each axis of a variant comes from; "" where it says nothing."""
        return {axis: self.value(axis, name).provider or "" for axis, name in values.items()}

    def repository_of(self, image: str, registry: str | None = None) -> str:
        """`registry/repository` of an image, without tag."""
        return self.repository.format(registry=registry or self.registry, image=image)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """An image and one value per axis: what is promoted."""

    image: str
    values: Mapping[str, str]  # axis to value, in the order of the axes

    @property
    def id(self) -> str:
        """`image/axis=value,…`."""
        return VariantId.of(self.image, self.values)

    @property
    def value_ids(self) -> tuple[ValueId, ...]:
        """The ids of its values, in the order of the axes."""
        return tuple(ValueId.of(*item) for item in self.values.items())

    @property
    def slug(self) -> str:
        """The id as a folder name and a bake target: letters, digits, `-` and `_` only."""
        parts = [self.image, *(f"{axis}{name}" for axis, name in self.values.items())]
        return "-".join(parts).replace(".", "_")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A variant on a platform: what is built."""

    id: str  # as a TargetId has it
    variant: Variant
    platform: str  # os/architecture
    recipe: str
    parent: str  # the id of a target, or of a base
    inputs: tuple[tuple[str, str], ...] = ()  # (image, id of its target)
    is_root: bool = False
    publish: bool = True
    eol: str | None = None  # the earliest end of life among its values

    def has_ended(self, today: str) -> bool:
        """Whether the last day on which it is built is over."""
        return self.eol is not None and self.eol < today

    @property
    def slug(self) -> str:
        """`Variant.slug`, with the platform where the id has it."""
        platform = TargetId(self.id).platform.replace("/", "-")
        return self.variant.slug + (f"-{platform}" if platform else "")


@dataclass(frozen=True, kw_only=True)
class Base:
    """The content that a root image stands on: an axis value that has sources, on a platform."""

    id: str  # as a BaseId has it
    axis: str
    value: str
    platform: str

    @property
    def value_id(self) -> str:
        """`axis=value`."""
        return ValueId.of(self.axis, self.value)

    @property
    def slug(self) -> str:
        """A folder name and a bake target."""
        return f"{self.axis}-{self.value}-{self.platform.replace('/', '-')}".replace(".", "_")


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a build context or a recipe: its path there, mode, hash, and where it is read."""

    path: str
    mode: int
    sha256: str
    source: str  # absolute path on this machine; never part of an identity


PYPI = "pkg:pypi/"


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file of the network that a build needs, as `downloads/<name>`.

    `url` is upstream's, or `pkg:pypi/NAME@VERSION`: a source that an index of Python packages has.
    """

    name: str
    url: str
    sha256: str

    @property
    def requirement(self) -> str:
        """What pip calls it, `NAME==VERSION`; nothing where it has an address of its own."""
        package = self.url.removeprefix(PYPI)
        return package.replace("@", "==") if package != self.url else ""


@dataclass(frozen=True, kw_only=True)
class When:
    """What a recipe adds in the variants in which a condition holds; `budget` is in bytes."""

    condition: str
    packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    budget: int = 0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A folder under `images/`, read. `when` is in file order; `budget` is in bytes."""

    name: str
    summary: str
    dockerfile: str  # the text of Dockerfile.j2
    dockerfile_path: str  # for errors, relative to the catalog
    packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    when: tuple[When, ...] = ()
    needs: tuple[str, ...] = ()  # axes that its parent must have
    budget: int = 0  # compressed size that it may add to its parent; 0: not said
    unreproducible: Mapping[str, str] = field(default_factory=dict)  # glob of paths to reason
    provides: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    command: tuple[str, ...] = ()
    files: tuple[File, ...] = ()  # the build context: `files/…`
    tests: str = ""  # absolute path of the folder of tests, "" where there is none
    suite: str = ""  # the hash of those tests, which is no part of a fingerprint
    has_tests: bool = True  # whether there are any that pytest finds

    @property
    def ecosystems(self) -> frozenset[str]:
        """The ecosystems of which it names packages, in any variant."""
        blocks = (self.packages, *(extra.packages for extra in self.when))
        return frozenset(name for block in blocks for name in block)


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Everything that a plan is made from, apart from the lock and what a registry holds.

    `ecosystems` are those of the builder and those that the catalog names.
    """

    matrix: Matrix
    recipes: Mapping[str, Recipe]
    macros: Mapping[str, str]  # file name to text; an absolute path: it came with the builder
    charts: Mapping[str, ChartRecipe] = field(default_factory=dict)
    library: Mapping[str, bytes] = field(default_factory=dict)
    features: Mapping[str, ChartFeature] = field(default_factory=dict)
    ecosystems: Ecosystems = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ChartRecipe:
    """A folder under `charts/`, read: what a kind of service is started with."""

    name: str
    spec: Mapping[str, object]
    files: Mapping[str, str]  # relative path to text
    port: int = 0  # of the container that answers
    tests: str = ""  # absolute path of the folder of tests, "" where there is none


@dataclass(frozen=True, kw_only=True)
class ChartFeature:
    """A folder under `charts/features/`, or of the builder: values and templates for named slots.

    `folder` is for errors: relative to the catalog, or absolute where it came with the builder.
    """

    name: str
    spec: Mapping[str, object]
    files: Mapping[str, str]
    folder: str = ""


@dataclass(frozen=True, kw_only=True)
class Network:
    """How builds, and the builder itself, reach the network.

    `trust` are files and folders of certificates that the builder trusts beside `ca`.
    `variables` tell programs in an image of mirrors.
    """

    ca: str
    http_proxy: str
    https_proxy: str
    no_proxy: str
    mirrors: Mapping[str, str]
    trust: tuple[str, ...] = ()
    variables: tuple[MirrorVariable, ...] = ()
