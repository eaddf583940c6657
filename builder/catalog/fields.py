"""The types of fields in the files of a catalog, and what pydantic checks of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, get_type_hints

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetPydanticSchema,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
    WrapValidator,
)
from pydantic import Strict as StrictType
from pydantic.fields import FieldInfo
from pydantic_core import PydanticKnownError, PydanticOmit, core_schema

from builder.common.text import size

PLATFORM = r"^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$"
_DAYS = re.compile(r"\d{1,3}d")
_NO_VARIABLE_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ue000-\uf8ff]")
"""Ends of lines for anybody, and characters that stand for nothing of Unicode."""
_SIZE = re.compile(r"(\d+(?:\.\d+)?) (MB|GB)")

Path = tuple[str | int, ...]
"""The path of a value in its file, as keys from the top: `("images", "base", "axes", 0)`."""


class FileModel:
    """A base class of what a file of a catalog declares: pydantic refuses keys that it lacks."""

    __pydantic_config__ = ConfigDict(extra="forbid")


# Keys that are not in a file: the reader puts them beside those that are.


class _Given:
    """A value that the reader puts into a mapping of a file."""

    def __init__(self, value: object) -> None:
        self.value = value


class _NotInFile:
    """Marks a field that no file may have: its value comes from the reader, or is the default."""

    def __get_pydantic_core_schema__(self, _type: Any, _handler: Any) -> Any:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: Any) -> Any:
        raise PydanticOmit

    @staticmethod
    def _read(value: object) -> object:
        if not isinstance(value, _Given):
            raise PydanticKnownError("extra_forbidden")
        return value.value


NOT_IN_FILE = _NotInFile()
KEY_IF_MISSING = WrapValidator(
    lambda value, check: value.value if isinstance(value, _Given) else check(value)
)
"""Marks a field whose default is the key of the entry, see `named_by_key`."""


def named(value: object, **names: str) -> object:
    """Return the mapping of a file with values of fields that are marked as NOT_IN_FILE."""
    if not isinstance(value, Mapping):
        return value
    return {**value, **{key: _Given(name) for key, name in names.items()}}


def named_by_key(field: str, *same: str) -> BeforeValidator:
    """Return what gives each entry of a mapping its key as `field`.

    The fields `same`, marked as KEY_IF_MISSING, have it too where the file says nothing.
    """

    def give(entries: object) -> object:
        if not isinstance(entries, Mapping):
            return entries
        return {
            key: named(entry, **dict.fromkeys((field, *_missing(entry)), str(key)))
            for key, entry in entries.items()
        }

    def _missing(entry: object) -> list[str]:
        return [key for key in same if isinstance(entry, Mapping) and entry.get(key) is None]

    return BeforeValidator(give)


def as_tuple(key: Any, value: Any) -> GetPydanticSchema:
    """Return what reads a mapping from `key` to `value`, and keeps its values as a tuple."""

    def schema(_type: Any, handler: Any) -> Any:
        inner = handler.generate_schema(dict[key, value])
        return core_schema.no_info_after_validator_function(
            lambda read: tuple(read.values()), inner
        )

    return GetPydanticSchema(schema)


def text_as(field: str, kind: type) -> GetPydanticSchema:
    """Return what reads `kind` from a mapping, or from a text, which is its only field then."""

    def schema(_type: Any, handler: Any) -> Any:
        return core_schema.no_info_before_validator_function(
            lambda value: {field: value} if isinstance(value, str) else value,
            handler.generate_schema(kind),
        )

    def json_schema(core: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(core)]}

    return GetPydanticSchema(schema, json_schema)


def one_or_many(kind: type) -> GetPydanticSchema:
    """Return what reads a list of mappings as a tuple of `kind`, or one mapping, as a tuple of it.

    Mistakes in one mapping have no number of an item in their path.
    """

    def schema(_type: Any, handler: Any) -> Any:
        one: TypeAdapter[Any] = TypeAdapter(kind)

        def read(value: object, many: Any) -> Any:
            if isinstance(value, Mapping):
                return (one.validate_python(value, by_alias=True, by_name=False),)
            return many(value)

        many: Any = tuple[kind, ...]  # type: ignore[valid-type]
        return core_schema.no_info_wrap_validator_function(read, handler.generate_schema(many))

    def json_schema(core: Any, handler: Any) -> dict[str, Any]:
        many = handler(core)
        return {"anyOf": [many["items"], many]}

    return GetPydanticSchema(schema, json_schema)


def with_other_keys(kind: type, handler: Any, *, other: str, value: Any) -> Any:
    """Return what reads a mapping as `kind`, whose keys that are not fields become one: `other`.

    That is a mapping from such a key to `value`.
    """
    hints = get_type_hints(kind, include_extras=True)
    own_fields = {
        name: core_schema.typed_dict_field(
            handler.generate_schema(hint), metadata={"pydantic_js_updates": _about(hint)}
        )
        for name, hint in hints.items()
        if name != other
    }
    mapping = core_schema.typed_dict_schema(
        own_fields,
        extra_behavior="allow",
        extras_schema=handler.generate_schema(value),
    )

    def read(values: dict[str, Any]) -> Any:
        return kind(**{name: values.pop(name) for name in own_fields}, **{other: values})

    ref = f"{kind.__module__}.{kind.__qualname__}:{id(kind)}"
    return core_schema.no_info_after_validator_function(read, mapping, ref=ref)


def _about(hint: Any) -> dict[str, str]:
    """Return the description of a field for its JSON schema."""
    fields = (item for item in getattr(hint, "__metadata__", ()) if isinstance(item, FieldInfo))
    return next(({"description": field.description} for field in fields if field.description), {})


def described(kind: type, schema: dict[str, Any]) -> dict[str, Any]:
    """Put the name and the description of a class into the JSON schema of what is read as it."""
    schema |= {"title": kind.__name__, "description": kind.__doc__}
    return schema


# Types.


def _many(value: Any) -> Any:
    return [value] if isinstance(value, str | int | float) else value


def _day(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a date: write YYYY-MM-DD")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError(f"not a date: {value!r}; write YYYY-MM-DD") from None


def days_after(day: str, days: int) -> str:
    """Return the day that is so many days after another one; the last of the calendar at most."""
    begin = date.fromisoformat(day)
    return (begin + timedelta(days=min(days, (date.max - begin).days))).isoformat()


def _size(value: Any) -> int:
    if not isinstance(value, str) or not _SIZE.fullmatch(value):
        raise ValueError(f"not a size: {value!r}; write e.g. 60 MB or 1.5 GB")
    return size(value)


def _variable_text(value: str) -> str:
    if found := _NO_VARIABLE_TEXT.search(value):
        raise ValueError(
            f"{found[0]!r} cannot be in an environment variable of an image: its text is one line"
        )
    return value


def _days(value: Any) -> int:
    if not isinstance(value, str) or not _DAYS.fullmatch(value):
        raise ValueError(f"not a number of days: {value!r}; write e.g. 3d, or 0d for none")
    return int(value[:-1])


def _empty(value: Any) -> Any:
    return {} if value is None else value


def _words(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) else value


def _port(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65535:
        raise ValueError("port must be a number, 1 to 65535")
    return value


NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=46)]
AxisName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$")]
ValueName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._]*$")]
SuiteName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)]
ReleaseLineName = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._+-]*)?$", max_length=128)
]
PlatformName = Annotated[str, StringConstraints(pattern=PLATFORM)]
PathGlob = Annotated[str, StringConstraints(pattern=r"^/")]
Reason = Annotated[str, StringConstraints(min_length=1)]
VariableName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)
]
VariableText = Annotated[str, AfterValidator(_variable_text)]
Flag = Annotated[bool, StrictType()]
Whole = Annotated[int, StrictType()]
Port = Annotated[Whole, Field(ge=1, le=65535)]
OneOrMany = Annotated[
    tuple[str, ...],
    BeforeValidator(_many),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
ServicePort = Annotated[
    int,
    PlainValidator(_port),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 65535}),
]
Words = Annotated[str, BeforeValidator(_words)]
"""Reads a text; a number becomes its text."""
EMPTY_IF_NULL = BeforeValidator(_empty)
"""Reads nothing, as in `key:`, as a mapping without keys."""
Constraint = Mapping[str, OneOrMany]
Day = Annotated[str, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Size = Annotated[
    int, PlainValidator(_size), WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$"})
]
Days = Annotated[
    int, PlainValidator(_days), WithJsonSchema({"type": "string", "pattern": f"^{_DAYS.pattern}$"})
]
