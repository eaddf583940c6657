"""A helm that renders in no time: for charts whose templates only name values and the release."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from builder.catalog.yaml_document import objects
from builder.charts.package import unpack
from builder.common.errors import BuilderError, StepError
from builder.common.process import Command, Output, Runner

_PREPARED = re.compile(r'^{{- include "[^"]+\.given" \. -}}\n')
_NAMED = re.compile(r"{{ \.(Values|Release)\.([\w.]+)(?: \| (quote))? }}")


class FakeHelmProgram(Runner):
    """Answers `helm template`, `helm install`, `helm lint` and `helm show chart`.

    A template is a file in `templates/` that ends in `.yaml`; it may name values as
    `{{ .Values.a.b | quote }}`, and the release. One that does more renders nothing.
    """

    def run(
        self,
        command: Command,
        *,
        log: Path | None = None,
        check: bool = True,
        on_line: Callable[[str], None] | None = None,
    ) -> Output:
        """Answer, as the program does. Raises StepError where it would fail."""
        words = command.argv[1:]
        try:
            text = self._answer(words, command.stdin)
            output = Output(code=0, stdout=text, log=text)
        except BuilderError as error:
            output = Output(code=1, stdout="", log=f"Error: {error.message}\n")
        if check and output.code != 0:
            raise StepError(f"{command} failed\n{output.log}")
        return output

    def _answer(self, words: tuple[str, ...], stdin: bytes | None) -> str:
        if words[0] == "template":
            return _template(words, stdin)
        if words[0] == "install":
            notes = Path(words[2]) / "templates" / "NOTES.txt"
            told = notes.read_text() if notes.is_file() else ""
            return json.dumps({"manifest": "", "info": {"notes": told}})
        if words[0] == "lint":
            _values(Path(words[-1]), {})
            return ""
        assert words[:2] == ("show", "chart"), words
        return unpack(Path(words[-1]).read_bytes())["Chart.yaml"].decode()


def _template(words: tuple[str, ...], stdin: bytes | None) -> str:
    release, chart = words[-2], Path(words[-1])
    given: Mapping[str, Any] = {}
    if "--values" in words:
        name = words[words.index("--values") + 1]
        text = (stdin or b"").decode() if name == "-" else Path(name).read_text()
        given = _mapping(text)
    data = {"Values": _values(chart, given), "Release": {"Name": release}}
    rendered = []
    for path in sorted((chart / "templates").glob("*.yaml")):
        text = _fill(path.read_text(), data)
        if "{{" not in text:
            rendered.append(f"---\n# Source: {chart.name}/templates/{path.name}\n{text}")
    return "".join(rendered)


def _values(chart: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a chart, and what is given on top. Raises StepError without a chart."""
    if not (chart / "Chart.yaml").is_file():
        raise StepError("Chart.yaml file is missing")
    return _merged(_mapping((chart / "values.yaml").read_text()), given)


@lru_cache(maxsize=64)  # most charts of a test have the same values
def _mapping(text: str) -> Mapping[str, Any]:
    return next(iter(objects(text, "values")), {})


def _merged(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in given.items():
        below = merged.get(key)
        is_deep = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merged(below, value) if is_deep else value
    return merged


def _fill(text: str, data: Mapping[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        found: Any = data[match[1]]
        for name in match[2].split("."):
            found = found.get(name, "") if isinstance(found, dict) else ""
        return json.dumps(str(found)) if match[3] else str(found)

    return _NAMED.sub(value, _PREPARED.sub("", text))
