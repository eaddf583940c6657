"""services.yaml: what the services of a namespace publish of themselves, and what others read.

Each row of the table is a feature of charts, which connects a service to the one of the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from posixpath import dirname
from typing import Annotated, Final, Literal

from pydantic import Field

from builder.catalog.charts import ChartFeature, SourceObject, ValueSpec
from builder.catalog.fields import (
    EMPTY_IF_NULL,
    NOT_IN_FILE,
    FileModel,
    OneOrMany,
    Words,
    as_tuple,
    named_by_key,
)
from builder.common.yaml_writer import Inline, block

TABLE: Final = "discovery/services.yaml"
"""The table, below the folder of features."""
CLIENTS: Final = "clients"
"""The feature that stands for a connection to each service that the languages of an image use."""
PUBLISH: Final = "discovery-publish"
_KEYS: Final = "chart.discovery.services"
_OTHER_NAME: Final = "^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$"
# What a text may have of the chart that reads it, and the template that says it.
_OWN = {"@namespace": ".Release.Namespace", "@s3": '(include "chart.s3Url" .)'}

Texts = Annotated[Mapping[str, OneOrMany], EMPTY_IF_NULL]


@dataclass(frozen=True, kw_only=True)
class ServiceFile(FileModel):
    """A file that tells the programs of a session where a service is."""

    name: Annotated[Words, Field(description="its name", examples=["config.json"])]
    format: Annotated[
        Literal["json", "hadoop", "mysql"],
        Field(description="how its entries are written", examples=["json"]),
    ]
    folders: Annotated[
        tuple[Words, ...],
        Field(description="the folders that have it, as templates", examples=[["/opt/hive/conf"]]),
    ]
    entries: Annotated[
        Texts, Field(description="its entries, in texts", examples=[{"host": "{mariadb-service}"}])
    ]


@dataclass(frozen=True, kw_only=True)
class Service(FileModel):
    """A row of services.yaml: a service, what a session is told of it, and what it publishes."""

    name: Annotated[str, NOT_IN_FILE]
    title: Annotated[Words, Field(description="what people call it", examples=["MLflow"])]
    value: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z_]\w*)?$",
            description="its key in values: `discovery.<value>`; else the name of the row",
            examples=["postgresql"],
        ),
    ] = ""
    languages: Annotated[
        tuple[Words, ...],
        Field(
            description="axes of images whose languages have a client; without any, all do",
            examples=[["python", "r"]],
        ),
    ] = ()
    secretName: Annotated[
        Words,
        Field(
            description="the value that names another Secret for the connection",
            examples=["mlflow.secretName"],
        ),
    ] = ""
    formerly: Annotated[
        tuple[Words, ...],
        Field(description="paths that this value had before", examples=[["mlflow.configMapName"]]),
    ] = ()
    needs: Annotated[
        tuple[Words, ...],
        Field(
            min_length=1,
            description="keys without which a Secret says too little to connect by it",
            examples=[["uri"]],
        ),
    ]
    variables: Annotated[
        Texts,
        Field(
            description="variables of the environment, in texts",
            examples=[{"MLFLOW_TRACKING_URI": "{uri}"}],
        ),
    ] = field(default_factory=dict)
    file: Annotated[
        ServiceFile | None, Field(description="a file that programs read", examples=[None])
    ] = None
    publishes: Annotated[
        Texts,
        Field(
            description="keys of the Secret by which it is found, in texts of facts",
            examples=[{"uri": "{url}"}],
        ),
    ] = field(default_factory=dict)
    raw: Annotated[
        tuple[Words, ...],
        Field(
            description="published keys that other charts read without decoding them",
            examples=[["postgres-port"]],
        ),
    ] = ()

    @property
    def key(self) -> str:
        """Its key in values."""
        return self.value or self.name

    @property
    def texts(self) -> tuple[str, ...]:
        """All its texts."""
        entries = self.file.entries if self.file is not None else {}
        several = (*self.variables.values(), *entries.values(), *self.publishes.values())
        return tuple(text for texts in several for text in texts)

    @property
    def feature(self) -> str:
        """The name of the feature that connects a chart to it."""
        return f"{self.key}-client"


@dataclass(frozen=True, kw_only=True)
class ServiceTable(FileModel):
    """services.yaml: the services of a namespace, by what their Secrets say that they are."""

    services: Annotated[
        tuple[Service, ...],
        as_tuple(str, Service),
        named_by_key("name"),
        Field(description="a row for each service", examples=[{}]),
    ]
    file: Annotated[str, NOT_IN_FILE] = ""
    """Its path, relative to the catalog, or absolute where it came with the builder."""


def with_services(
    features: Iterable[ChartFeature], table: ServiceTable | None
) -> dict[str, ChartFeature]:
    """Return features by name, with those of the table; a folder goes before a row of its name."""
    found = {feature.name: feature for feature in features}
    if table is not None:
        folder = dirname(table.file)
        rows = {service.feature: _client(service, folder) for service in table.services}
        found = {**rows, **found}
        if PUBLISH in found:
            found[PUBLISH] = _publishing(found[PUBLISH], table)
    return dict(sorted(found.items()))


def _publishing(feature: ChartFeature, table: ServiceTable) -> ChartFeature:
    """Return the feature that publishes a service, with the keys that each publishes.

    A catalog may have one of its own, which does not read them.
    """
    if not any(_KEYS in text for text in feature.files.values()):
        return feature
    keys = {
        service.name: Inline({"keys": _plain(service.publishes), "raw": list(service.raw)})
        for service in table.services
        if service.publishes
    }
    text = _yaml_template(_KEYS, "What each service publishes: keys, and texts of facts", keys)
    helpers = "\n\n".join(filter(None, (feature.files.get("helpers.tpl", "").strip(), text)))
    return replace(feature, files={**feature.files, "helpers.tpl": helpers + "\n"})


def chosen(features: Iterable[ChartFeature], axes: Iterable[str]) -> list[str]:
    """Return the names of the connections that the languages of an image use, by its axes."""
    has = set(axes)
    return [
        feature.name
        for feature in features
        if feature.languages is not None
        and (not feature.languages or not has.isdisjoint(feature.languages))
    ]


def _client(service: Service, folder: str) -> ChartFeature:
    """Return the feature that connects a chart to a service."""
    where = f"{service.title}, where the namespace has one"
    values = {
        f"discovery.{service.key}": ValueSpec(
            type="boolean", default=True, title=service.title, text=f"Connect to {where}"
        )
    }
    if service.secretName:
        values[service.secretName] = ValueSpec(
            type="string",
            pattern=_OTHER_NAME,
            default="",
            text=f"Another name for the Secret that holds the connection to {service.title}",
            form=False,
            formerly=service.formerly or None,
        )
    other_name = service.secretName
    mounted = SourceObject()
    if service.file is not None:
        # A Secret is named by whoever launches: where there are two, it is the one of the file.
        mounted = SourceObject(name=other_name, folders=service.file.folders)
        other_name = ""
    return ChartFeature(
        name=service.feature,
        folder=folder,
        summary=f"A connection to {where}",
        languages=service.languages,
        values=values,
        secret=SourceObject(name=other_name),
        mounted=mounted,
        files=_files(service),
    )


def _files(service: Service) -> dict[str, str]:
    """Return the templates of a connection."""
    connection = f'include "chart.{service.feature}.connection" .'
    files = {
        "helpers.tpl": _helpers(service),
        "notes.md": f'{{{{- include "onyxia-library.connectionNote" ({connection}) }}}}\n',
    }
    for slot, given in (("secret", service.variables), ("files", service.file)):
        if given:
            files[f"slots/{slot}.yaml"] = (
                f'{{{{ include "onyxia-library.entries" ({connection} | fromJson).{slot} }}}}\n'
            )
    return files


def _helpers(service: Service) -> str:
    row: dict[str, object] = {
        "service": service.name,
        "title": service.title,
        "needs": list(service.needs),
        "variables": _plain(service.variables),
    }
    if service.file is not None:
        row["file"] = {
            "name": service.file.name,
            "format": service.file.format,
            "entries": _plain(service.file.entries),
        }
    used = {name for name in _OWN if any(f"{{{name}}}" in text for text in service.texts)}
    own = "".join(f' "{name}" {value}' for name, value in _OWN.items() if name in used)
    name = f"chart.{service.feature}"
    return f"""\
{_yaml_template(f"{name}.service", "What is read of the service, see `connection`", row)}

{{{{/* What the service is told of it, as JSON. */}}}}
{{{{- define "{name}.connection" -}}}}
{{{{- include "onyxia-library.connection" (dict "root" . "isOn" .Values.discovery.{service.key}
    "service" (include "{name}.service" . | fromYaml) "own" (dict{own})) -}}}}
{{{{- end -}}}}
"""


def _plain(texts: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """Return texts as they are written: a list only where there are several."""
    return {name: all_[0] if len(all_) == 1 else list(all_) for name, all_ in texts.items()}


def _yaml_template(name: str, comment: str, data: Mapping[str, object]) -> str:
    body = "\n".join(block(data))
    return f'{{{{/* {comment}. */}}}}\n{{{{- define "{name}" -}}}}\n{body}\n{{{{- end -}}}}'
