"""Bases and lines that come from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from builder.errors import StepError
from builder.model import Base, Source
from builder.ports import BaseLock
from tests.fakes.calls import Calls
from tests.fakes.layout import write_layout


class FakeBases(Calls):
    """The first source that is not in `broken`; its content is named after it."""

    def __init__(self, folder: Path, *, broken: Sequence[str] = ()) -> None:
        super().__init__()
        self._folder = folder
        self._broken = set(broken)

    def lock(
        self, base: Base, sources: Sequence[Source], held: BaseLock | None, today: str
    ) -> BaseLock:
        """The held lock while its source is listed, else the first source that works."""
        self._call("lock", base.id)
        if held is not None and held.source in sources:
            return held
        for source in sources:
            if source.value not in self._broken:
                content = f"sha256:{source.value.encode().hex():0>64.64}"
                return BaseLock(source=source, content=content, epoch=0, suites={"main": today})
        raise StepError(f"no source of base {base.id} can be had")

    def layout(self, base: Base, lock: BaseLock) -> Path:
        """A layout of what is locked."""
        self._call("layout", base.id)
        folder = self._folder / base.slug
        write_layout(folder, lock.content.encode())
        return folder


class FakeLines(Calls):
    """`versions` maps the option `package` to what it resolves to."""

    def __init__(self, versions: Mapping[str, str]) -> None:
        super().__init__()
        self._versions = versions

    def resolve(self, base: Base, lock: BaseLock, options: Mapping[str, str]) -> str:
        """What the table says, for the package on the base."""
        key = f"{options['package']} on {base.axis}={base.value}"
        self._call("resolve", key)
        if key not in self._versions:
            raise StepError(f"there is no {key}")
        return self._versions[key]
