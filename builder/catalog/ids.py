"""The ids of values, bases, variants and targets: the one place that composes them and reads them.

An id is a text, as matrix.lock and release records have it, so that it is a key as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

_UNDER = "~"  # which no name can have


class ValueId(str):
    """An axis value, `axis=value`."""

    __slots__ = ()

    @classmethod
    def of(cls, axis: str, value: str) -> ValueId:
        """Compose the id of a value of an axis."""
        return cls(f"{axis}={value}")

    @property
    def axis(self) -> str:
        """The axis."""
        return self.partition("=")[0]

    @property
    def value(self) -> str:
        """The name of the value; nothing where the text is an axis alone."""
        return self.partition("=")[2]


class BaseId(str):
    """The content of a value on a platform, `axis=value@platform`."""

    __slots__ = ()

    @classmethod
    def of(cls, axis: str, value: str, platform: str) -> BaseId:
        """Compose the id of a base."""
        return cls(f"{ValueId.of(axis, value)}@{platform}")

    @property
    def value(self) -> ValueId:
        """The axis value."""
        return ValueId(self.partition("@")[0])


class ServedId(str):
    """A value as one of its providers serves it, `axis=value@provider`."""

    __slots__ = ()

    @classmethod
    def of(cls, value_id: str, provider: str) -> ServedId:
        """Compose the id of a value and a provider."""
        return cls(f"{value_id}@{provider}")

    @property
    def value(self) -> ValueId:
        """The axis value."""
        return ValueId(self.partition("@")[0])

    @property
    def provider(self) -> str:
        """The provider; nothing where the text is no such id."""
        return self.partition("@")[2] if self.value.value else ""


class VariantId(str):
    """An image and its values, `image/axis=value,…`."""

    __slots__ = ()

    @classmethod
    def of(cls, image: str, values: Mapping[str, str]) -> VariantId:
        """Compose the id of a variant; `values` are by axis."""
        return cls(f"{image}/" + ",".join(ValueId.of(*item) for item in values.items()))

    @property
    def image(self) -> str:
        """The image."""
        return self.partition("/")[0]

    @property
    def values(self) -> tuple[ValueId, ...]:
        """The values, in the order of the axes."""
        listed = self.partition("/")[2]
        return tuple(map(ValueId, listed.split(","))) if listed else ()


class TargetId(str):
    """A variant on a platform, `image/axis=value,…@platform`; the default one is not named.

    What is under a top recipe of an image has the same id, then `~`, and then the name of the top
    recipe that it has itself as its last: `~` alone, `~trust`.
    """

    __slots__ = ()

    @classmethod
    def of(cls, variant: str, platform: str = "") -> TargetId:
        """Compose the id of a target; `platform` is "" for the default one."""
        return cls(f"{variant}@{platform}" if platform else variant)

    def under(self, recipe: str = "") -> TargetId:
        """Return the id of what stands under the offered target, with `recipe` as its last."""
        return TargetId(f"{self.offered}{_UNDER}{recipe}")

    @property
    def offered(self) -> TargetId:
        """The id of the target that is offered: without the mark of what is under it."""
        return TargetId(self.partition(_UNDER)[0])

    def of_image(self, image: str) -> TargetId:
        """Return the id of the same target, of an image that is called so."""
        return TargetId(f"{image}{self.removeprefix(self.image)}")

    @property
    def is_under(self) -> bool:
        """Whether it is under top recipes, and never offered."""
        return _UNDER in self

    @property
    def last_top(self) -> str:
        """The last top recipe that is in what is under others; nothing where none is."""
        return self.partition(_UNDER)[2]

    @property
    def on_any_platform(self) -> str:
        """The id without the platform."""
        return f"{self.variant}{_UNDER}{self.last_top}" if self.is_under else self.variant

    @property
    def variant(self) -> VariantId:
        """The variant."""
        return VariantId(self.offered.partition("@")[0])

    @property
    def platform(self) -> str:
        """The platform; nothing where it is the default one."""
        return self.offered.partition("@")[2]

    @property
    def image(self) -> str:
        """The image."""
        return self.variant.image
