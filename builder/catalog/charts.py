"""chart.yaml and feature.yaml: each key is declared, checked and described here.

A chart recipe and a chart feature are these files and those beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, TypeVar

from pydantic import Field

from builder.catalog.fields import (
    EMPTY_IF_NULL,
    FileModel,
    Flag,
    OneOrMany,
    ServicePort,
    Words,
)

IgnoredPaths = Annotated[
    Mapping[str, Words],
    EMPTY_IF_NULL,
    Field(
        description="paths that older charts had and that do nothing now, each with the reason;"
        " the notes of a release name those that are set",
        examples=[{"environment.root": "the image runs as its own user"}],
    ),
]


@dataclass(frozen=True, kw_only=True)
class SchemaKeywords(FileModel):
    """The keywords that values.schema.json has of a value as they are; `$fact` is filled in."""

    enum: Annotated[
        Any, Field(description="the values that it can have", examples=[["a", "b"]])
    ] = None
    listEnum: Annotated[
        Any, Field(description="the values that a form lists, or `$images`", examples=["$images"])
    ] = None
    examples: Annotated[
        Any,
        Field(
            description="values that it can have, among others, or `$images`", examples=["$images"]
        ),
    ] = None
    render: Annotated[
        Any,
        Field(description="how a form shows it: list, slider, password, …", examples=["password"]),
    ] = None
    sliderMin: Annotated[Any, Field(description="the least that a slider gives", examples=[1])] = (
        None
    )
    sliderMax: Annotated[Any, Field(description="the most that a slider gives", examples=[8])] = (
        None
    )
    sliderStep: Annotated[Any, Field(description="the step of a slider", examples=[1])] = None
    sliderUnit: Annotated[Any, Field(description="the unit beside a slider", examples=["Gi"])] = (
        None
    )
    sliderExtremity: Annotated[
        Any, Field(description="which end of a range it is: down or up", examples=["down"])
    ] = None
    sliderExtremitySemantic: Annotated[
        Any, Field(description="what this end of the range means", examples=["guaranteed"])
    ] = None
    sliderRangeId: Annotated[
        Any, Field(description="the range that both ends name", examples=["cpu"])
    ] = None
    pattern: Annotated[
        Any, Field(description="a regular expression that it matches", examples=["^[a-z]+$"])
    ] = None
    minimum: Annotated[Any, Field(description="the least number", examples=[1])] = None
    maximum: Annotated[Any, Field(description="the largest number", examples=[65535])] = None
    items: Annotated[
        Any, Field(description="the schema of the items of a list", examples=[{"type": "string"}])
    ] = None


@dataclass(frozen=True, kw_only=True)
class ValueFacts(FileModel):
    """What is said of a value beside the keywords of a schema."""

    type: Annotated[
        Words | None,
        Field(
            description="string, boolean, integer, number, array or object",
            examples=["boolean"],
            json_schema_extra={
                "enum": ["string", "boolean", "integer", "number", "array", "object"]
            },
        ),
    ] = None
    default: Annotated[
        Any,
        Field(
            description="what it is where nobody says otherwise; an object without one is a group",
            examples=[False],
        ),
    ] = None
    title: Annotated[Words | None, Field(description="its name in a form", examples=["Token"])] = (
        None
    )
    text: Annotated[
        Words | None, Field(description="what it is for", examples=["The token of the service"])
    ] = None
    source: Annotated[
        Any,
        Field(
            alias="from",
            description="the context variable that fills it in a form",
            examples=["user.profile.token"],
        ),
    ] = None
    onyxia: Annotated[
        Mapping[str, Any] | None,
        Field(description="more of `x-onyxia`, for the form", examples=[{"hidden": True}]),
    ] = None
    shown_if: Annotated[
        Words | None,
        Field(description="the value that shows it where it is true", examples=["ai.enabled"]),
    ] = None
    hidden_if: Annotated[
        Words | None,
        Field(description="the value that hides it where it is true", examples=["ai.custom"]),
    ] = None
    form: Annotated[
        Flag | None,
        Field(description="false: no form shows it; it is checked all the same", examples=[False]),
    ] = None
    also: Annotated[
        tuple[Words, ...] | None,
        Field(
            description="more types that it may have, where no form shows it", examples=[["object"]]
        ),
    ] = None
    refilled: Annotated[
        Flag | None,
        Field(
            description="true: its context variable fills it also where a file of the platform"
            " replaces the form around it, and lacks it",
            examples=[True],
        ),
    ] = None
    fills: Annotated[
        Words | None,
        Field(
            description="the path of another value, which it fills where that has its default;"
            " where the matrix fixes that, there is no such value",
            examples=["ai.enabled"],
        ),
    ] = None
    formerly: Annotated[
        tuple[Words, ...] | None,
        Field(
            description="paths that it had before, by which the chart still takes it",
            examples=[["ai.old.enabled"]],
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ValueSpec(SchemaKeywords, ValueFacts):
    """A value of a chart, or what a chart says otherwise of a feature's value."""

    @property
    def keywords(self) -> dict[str, object]:
        """The keywords of values.schema.json that it has, in their order."""
        names = (item.name for item in fields(SchemaKeywords))
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def changed_by(self, other: ValueSpec) -> ValueSpec:
        """Return it with all that another says."""
        return replace(
            self, **{key: value for key, value in vars(other).items() if value is not None}
        )


@dataclass(frozen=True, kw_only=True)
class SourceObject(FileModel):
    """A Secret or a ConfigMap that a feature makes, see `slots/secret.yaml` and the like."""

    name: Annotated[
        Words,
        Field(
            description="the value that names another one, taken in its place",
            examples=["ai.secretName"],
        ),
    ] = ""
    folders: Annotated[
        tuple[Words, ...],
        Field(
            description="the folders that hold its files, as templates",
            examples=[['{{ include "chart.home" . }}/.config']],
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class FeatureFile(FileModel):
    """feature.yaml: what a feature adds to a chart."""

    summary: Annotated[
        Words, Field(description="one line, for people", examples=["More pods under load"])
    ] = ""
    values: Annotated[
        Mapping[str, Annotated[ValueSpec, EMPTY_IF_NULL]],
        EMPTY_IF_NULL,
        Field(
            description="its values, by path; a dot of a key itself is written `\\.`",
            examples=[{"ai.enabled": {"type": "boolean", "default": False}}],
        ),
    ] = field(default_factory=dict)
    changes: Annotated[
        Mapping[str, Annotated[ValueSpec, EMPTY_IF_NULL]],
        EMPTY_IF_NULL,
        Field(
            description="what it says otherwise of the values of other features, where they are",
            examples=[{"nodeSelector": {"title": "Node with a graphics card"}}],
        ),
    ] = field(default_factory=dict)
    secret: Annotated[
        SourceObject,
        EMPTY_IF_NULL,
        Field(
            description="about the Secret that `slots/secret.yaml` fills, with variables of the"
            " environment",
            examples=[{"name": "ai.secretName"}],
        ),
    ] = SourceObject()
    config: Annotated[
        SourceObject,
        EMPTY_IF_NULL,
        Field(
            description="about the ConfigMap that `slots/config.yaml` fills, in the same way",
            examples=[{"name": "ai.configName"}],
        ),
    ] = SourceObject()
    mounted: Annotated[
        SourceObject,
        EMPTY_IF_NULL,
        Field(
            alias="files",
            description="about the files that `slots/files.yaml` has",
            examples=[{"folders": ["/etc/service"]}],
        ),
    ] = SourceObject()
    ignored: IgnoredPaths = field(default_factory=dict)

    @property
    def objects(self) -> Mapping[str, SourceObject]:
        """What it says of the objects that it makes, by the name of their slot."""
        return {"secret": self.secret, "config": self.config, "files": self.mounted}


@dataclass(frozen=True, kw_only=True)
class CustomImage(FileModel):
    """How the service starts in an image of somebody else, which lacks what the catalog adds."""

    commands: Annotated[
        tuple[tuple[Words, ...], ...],
        Field(
            description="commands, as templates: the first whose program the image has is run,"
            " if it lacks that of `command`",
            examples=[[["/init"], ["httpd", "-f"]]],
        ),
    ] = ()
    password: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z_][A-Za-z0-9_]*|stdin)?$",
            description="how such a program is given the password: in an environment variable of"
            " this name beside PASSWORD, or on `stdin`",
            examples=["HTTPD_TOKEN"],
        ),
    ] = ""


@dataclass(frozen=True, kw_only=True)
class ChartFile(FileModel):
    """chart.yaml: what a kind of service is started with."""

    title: Annotated[Words, Field(description="what people call it", examples=["JupyterLab"])]
    description: Annotated[
        Words,
        Field(
            description="one line about it; $chart, $title, $image_name, $default_image and $port"
            " are filled in",
            examples=["JupyterLab on the image $image_name"],
        ),
    ]
    command: Annotated[
        tuple[Words, ...],
        Field(description="how the service is started, as templates", examples=[["httpd", "-f"]]),
    ]
    port: Annotated[
        ServicePort, Field(description="the port that the service listens on", examples=[8888])
    ]
    features: Annotated[
        tuple[Words, ...],
        Field(
            description="folders under charts/features/, in order", examples=[["service", "server"]]
        ),
    ]
    icon: Annotated[
        Words, Field(description="the URL of a picture", examples=["https://example.org/logo.svg"])
    ] = ""
    home: Annotated[
        Words, Field(description="the URL of its home page", examples=["https://jupyter.org"])
    ] = ""
    sources: Annotated[
        tuple[Words, ...],
        Field(description="URLs of its source", examples=[["https://github.com/org/repo"]]),
    ] = ()
    keywords: Annotated[
        tuple[Words, ...], Field(description="words to find it by", examples=[["notebook"]])
    ] = ()
    health: Annotated[
        Words, Field(description="the path that answers when it is ready", examples=["/api"])
    ] = "/"
    needs: Annotated[
        OneOrMany,
        Field(description="recipes that its image is made with", examples=[["jupyter"]]),
    ] = ()
    custom_image: Annotated[
        CustomImage,
        EMPTY_IF_NULL,
        Field(
            description="how it starts in an image of somebody else",
            examples=[{"commands": [["/init"]]}],
        ),
    ] = CustomImage()
    values: Annotated[
        Mapping[str, Annotated[ValueSpec, EMPTY_IF_NULL]],
        EMPTY_IF_NULL,
        Field(
            description="what it says otherwise of the values of features, or values of its own",
            examples=[{"persistence.size": {"default": "20Gi"}}],
        ),
    ] = field(default_factory=dict)
    ignored: IgnoredPaths = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class UpstreamImage(FileModel):
    """Where values of an upstream's chart say which image it runs; paths are below its name."""

    match: Annotated[
        Words,
        Field(
            description="the images that it is about: how their names end, without tag",
            examples=["argoproj/argocli"],
        ),
    ]
    repository: Annotated[Words, Field(description="the value of the repository")]
    registry: Annotated[
        Words, Field(description="the value of the registry, where it is one of its own")
    ] = ""
    tag: Annotated[Words, Field(description="the value of the tag")]
    digest: Annotated[Words, Field(description="the value of the digest, where there is one")] = ""


@dataclass(frozen=True, kw_only=True)
class UpstreamChartFile(FileModel):
    """upstream.yaml: what is set and shown of the values of an upstream's chart."""

    title: Annotated[Words, Field(description="what people call it", examples=["Argo Workflows"])]
    description: Annotated[Words, Field(description="one line about it")]
    icon: Annotated[Words, Field(description="the URL of a picture")] = ""
    home: Annotated[Words, Field(description="the URL of its home page")] = ""
    keywords: Annotated[tuple[Words, ...], Field(description="words to find it by")] = ()
    port: Annotated[
        ServicePort | None,
        Field(description="the port of the pod that its tests ask; without one nothing is run"),
    ] = None
    values: Annotated[
        Mapping[str, object],
        EMPTY_IF_NULL,
        Field(
            description="values of the upstream's chart, as in its values.yaml",
            examples=[{"crds": {"install": False}}],
        ),
    ] = field(default_factory=dict)
    form: Annotated[
        Mapping[str, Annotated[ValueSpec, EMPTY_IF_NULL]],
        EMPTY_IF_NULL,
        Field(description="the values of it that a form shows, by path"),
    ] = field(default_factory=dict)
    images: Annotated[
        tuple[UpstreamImage, ...], Field(description="where its values say which images it runs")
    ] = ()
    started: Annotated[
        tuple[Words, ...],
        Field(
            description="images that its programs start later, which no rendered text names",
            examples=[["quay.io/argoproj/argoexec:v3.7.1"]],
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class UpstreamChartRecipe(UpstreamChartFile):
    """A folder under `charts/` with upstream.yaml, read."""

    name: str
    files: Mapping[str, str]  # relative path to text
    tests: str = ""  # absolute path of the folder of tests, "" where there is none
    mixed_tests: Mapping[str, bytes] = field(default_factory=dict)  # see `Recipe`


@dataclass(frozen=True, kw_only=True)
class ChartRecipe(ChartFile):
    """A folder under `charts/`, read: chart.yaml and the files beside it."""

    name: str
    files: Mapping[str, str]  # relative path to text
    tests: str = ""  # absolute path of the folder of tests, "" where there is none
    mixed_tests: Mapping[str, bytes] = field(default_factory=dict)  # see `Recipe`


@dataclass(frozen=True, kw_only=True)
class ChartFeature(FeatureFile):
    """A folder under `charts/features/`, or of the builder: values and templates for named slots.

    `folder` is for errors: relative to the catalog, or absolute where it came with the builder.
    `languages` are the axes of the images that use it, of a connection of services.yaml.
    """

    name: str
    files: Mapping[str, str]
    folder: str = ""
    languages: tuple[str, ...] | None = None


Headed = TypeVar("Headed", ChartRecipe, UpstreamChartRecipe)


@dataclass(frozen=True, kw_only=True)
class Head(FileModel):
    """What a chart says of itself in Chart.yaml, otherwise than its recipe."""

    title: Annotated[Words | None, Field(description="what people call it")] = None
    description: Annotated[Words | None, Field(description="one line about it")] = None
    icon: Annotated[Words | None, Field(description="the URL of a picture")] = None
    home: Annotated[Words | None, Field(description="the URL of its home page")] = None
    keywords: Annotated[
        tuple[Words, ...] | None, Field(description="words to find it by, in place of the recipe's")
    ] = None
    sources: Annotated[
        tuple[Words, ...] | None, Field(description="URLs of its source, in place of the recipe's")
    ] = None
    more_keywords: Annotated[
        tuple[Words, ...], Field(alias="keywords+", description="more words to find it by")
    ] = ()
    more_sources: Annotated[
        tuple[Words, ...], Field(alias="sources+", description="more URLs of its source")
    ] = ()

    def apply(self, recipe: Headed) -> Headed:
        """Return a chart recipe with this head; an upstream's chart has no sources of its own."""
        names = ("title", "description", "icon", "home", "keywords", "sources")
        said = {
            **{name: getattr(self, name) for name in names},
            "keywords": _joined(recipe, self, "keywords"),
            "sources": _joined(recipe, self, "sources"),
        }
        given = {key: value for key, value in said.items() if value is not None}
        return replace(recipe, **{key: it for key, it in given.items() if hasattr(recipe, key)})


def _joined(recipe: object, head: Head, name: str) -> tuple[str, ...]:
    """Return a list of a recipe, or what a head has in its place, with what that adds."""
    own = getattr(head, name)
    below = getattr(recipe, name, ()) if own is None else own
    return tuple(dict.fromkeys((*below, *getattr(head, f"more_{name}"))))
