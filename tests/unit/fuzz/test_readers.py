"""Every reader of what may be a stranger's returns a value, or raises an error with an exit code.

It does so in seconds and in little memory, and nothing is written outside of its folder.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from builder.catalog.models import Recipe
from builder.catalog.parser import parse_chart, parse_feature, parse_matrix, parse_recipe
from builder.catalog.recipe import BuildVariables, remote_file
from builder.catalog.yaml_document import load, load_as_helm, objects
from builder.charts.onyxia.check import check
from builder.charts.package import ChartPackage, pack, unpack
from builder.charts.repository.index import parse_index
from builder.charts.semver import former, value_types
from builder.common import limits
from builder.common.errors import BuilderError
from builder.common.files import write_tree
from builder.common.patterns import first_groups, matches
from builder.lock import lockfile
from builder.oci import reference
from builder.plan.dockerfile import DockerfileRenderer
from builder.registry import release_record
from tests.fakes.catalog import FILES, MATRIX
from tests.fakes.charts import files

pytestmark = pytest.mark.slow

SECONDS, BYTES = 5, 300 << 20
DEEP = st.integers(1, 3000)


@contextmanager
def bounded(*, is_traced: bool = False) -> Iterator[None]:
    """Allow an error with an exit code, and no more than a reader may take.

    `is_traced` looks at memory too, which takes its time.
    """
    begun = time.process_time()
    if is_traced:
        tracemalloc.start()
    error: BuilderError | None = None
    try:
        yield
    except BuilderError as raised:
        error = raised
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < BYTES
    assert time.process_time() - begun < SECONDS
    if error is not None:
        assert 2 <= error.exit_code <= 11
        assert len(str(error)) < 100_000


# What is odd in itself, to be put into what is right.
SNIPPETS = st.one_of(
    st.sampled_from(
        [
            "\0", "\ufeff", "\u2028", "\x85", "\x1b[2J", "é", "{{", "}}", "{%", "*a", "&a [*a]",
            "<<: *a", "<<: [*a, *a]", "!!binary x", "!!python/object:os.system x", "? ", "- ",
            "|\n", ">-\n", "'", '"', "\\", "\\ud800", "1e999", "-0", "0x" + "f" * 99, "9" * 5000,
            ".inf", ".nan", "null", "~", "yes", "%TAG ! x\n", "---\n", "...\n", "\t", "\r",
            "../../etc/passwd", "/etc/passwd", "-oProxyCommand=x", "$(touch ran)", "`touch ran`",
            "https://user:pass@example.org/", "[]", "{}", "[[", "{a: ", ",", ":", "#", "\n",
        ]
    ),
    st.text(max_size=8),
    st.builds(lambda sign, times: sign * times, st.sampled_from(["[", "{a: ", "- ", "("]), DEEP),
)  # fmt: skip


def edited(text: str) -> SearchStrategy[str]:
    """A text in which parts are replaced, doubled, left out, or something odd is put."""
    place = st.integers(0, len(text))

    def edit(changes: list[tuple[int, int, str]]) -> str:
        result = text
        for begin, length, snippet in changes:
            result = result[:begin] + snippet + result[begin + length :]
        return result

    return st.lists(st.tuples(place, st.integers(0, 20), SNIPPETS), max_size=4).map(edit)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


def pruned(data: object) -> SearchStrategy[bytes]:
    """A document in JSON of which one value is another, whatever it was."""
    text = json.dumps(data)
    values = [match.span() for match in re.finditer(r'"[^"]*"|\d+|\[\]|\{\}|null|true', text)]

    def replaced(span: tuple[int, int], value: object) -> bytes:
        return (text[: span[0]] + json.dumps(value) + text[span[1] :]).encode()

    return st.builds(replaced, st.sampled_from(values), JSON) | edited(text).map(
        lambda text: text.encode(errors="surrogatepass")
    )


YAML_READERS: dict[str, Callable[[str], object]] = {
    "a document": lambda text: load(text, "f"),
    "a document of Helm": lambda text: load_as_helm(text, "f"),
    "objects": lambda text: objects(text, "f"),
    "an index": lambda text: parse_index(text.encode(errors="surrogatepass")),
    "matrix.yaml": lambda text: parse_matrix(text, "matrix.yaml"),
    "recipe.yaml": lambda text: parse_recipe(text, "recipe.yaml", {}),
    "chart.yaml": lambda text: parse_chart(text, "chart.yaml"),
    "feature.yaml": lambda text: parse_feature(text, "feature.yaml"),
}
INDEX = """\
apiVersion: v1
entries:
  desk:
  - {name: desk, version: 1.0.0, digest: sha256:00, urls: [desk-1.0.0.tgz], created: "2026"}
generated: 2026-01-05T00:00:00Z
"""
TEXTS = (
    MATRIX, INDEX, FILES["images/speech/recipe.yaml"], FILES["charts/desk/chart.yaml"],
    FILES["charts/features/core/feature.yaml"],
)  # fmt: skip


@pytest.mark.parametrize("reader", YAML_READERS)
@given(text=st.one_of(SNIPPETS, st.text(), *map(edited, TEXTS)))
def test_yaml(reader: str, text: str) -> None:
    with bounded():
        YAML_READERS[reader](text)


LOCK = {
    "format": 9,
    "bases": {"os=2@linux/amd64": {"content": f"sha256:{'0' * 64}", "epoch": 1, "suites": {}}},
    "release_lines": {"lang=1.9": {"version": "1.9.1", "files": {}}},
    "package_sets": {"base/os=2": {"epoch": 1, "packages": {"apt": {"tar": "1 sha256:00 x y"}}}},
}
RECORD = {
    "format": 3, "release": "2026.11.30", "images": {"desk": {"latest": f"sha256:{'0' * 64}"}},
    "charts": {"desk": {"version": "1.0.0", "listed": {"1.0.0": {"digest": "0", "created": "x"}}}},
    "lock": LOCK, "previous": "",
}  # fmt: skip
JSON_READERS: dict[str, Callable[[bytes], object]] = {
    "a document": lambda data: limits.read_json(data, 1 << 20, "it"),
    "a lock": lambda data: lockfile.parse(data.decode(errors="replace")),
    "a release record": release_record.parse,
}


@pytest.mark.parametrize("reader", JSON_READERS)
@given(data=st.one_of(st.binary(), pruned(LOCK), pruned(RECORD), pruned([1, {"a": None}])))
def test_json(reader: str, data: bytes) -> None:
    with bounded():
        JSON_READERS[reader](data)


CHART = files()
NAMES = st.sampled_from(sorted(CHART)) | SNIPPETS.filter(bool)


@given(
    changes=st.dictionaries(
        NAMES,
        st.one_of(
            st.binary(max_size=40),
            *(edited(data.decode()).map(lambda text: text.encode(errors="replace"))
              for data in CHART.values()),
            *(pruned(json.loads(CHART[name])) for name in ("values.schema.json", "values.yaml")),
        ),
        max_size=2,
    )
)  # fmt: skip
def test_a_chart(changes: dict[str, bytes]) -> None:
    chart = CHART | changes
    with bounded():
        check(chart)
    with bounded():
        value_types(chart)
        former(chart)


PACKAGE = pack("clock", CHART)
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.XHDTYPE, b"S"])
MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["clock/", "", "../", "/", "other/"]),
        st.sampled_from(["Chart.yaml", "a", "a/b", "../../ran", ".git/config"])
        | st.text(max_size=9),
        KINDS,
        st.binary(max_size=30),
    ),
    max_size=4,
)


def packed(members: list[tuple[str, str, bytes, bytes]]) -> bytes:
    """A package of these members."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for folder, name, kind, data in members:
            header = tarfile.TarInfo(f"{folder}{name}")
            header.type, header.size, header.linkname = kind, len(data), "/etc/passwd"
            archive.addfile(header, io.BytesIO(data))
    return gzip.compress(plain.getvalue(), mtime=0)


@given(
    data=st.one_of(
        st.binary(),
        MEMBERS.map(packed),
        st.builds(
            lambda at, data: PACKAGE[:at] + data + PACKAGE[at + len(data) :],
            st.integers(0, len(PACKAGE)), st.binary(max_size=8),
        ),
        st.builds(
            lambda at, data: gzip.compress(
                (plain := gzip.decompress(PACKAGE))[:at] + data + plain[at + len(data) :], mtime=0
            ),
            st.integers(0, 4096), st.binary(max_size=12),
        ),
    )
)  # fmt: skip
def test_a_package(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    top = tmp_path_factory.mktemp("packages")
    with bounded(is_traced=True):
        package = ChartPackage(data=data)
        write_tree(top / "a" / "b" / "chart", unpack(data))
        assert "/" not in package.file
    assert {path.name for path in top.iterdir()} <= {"a"}
    assert all(path.name == "b" for path in (top / "a").glob("*"))
    assert all(path.name == "chart" for path in (top / "a").glob("b/*"))


@given(name=SNIPPETS | st.text())
def test_a_name(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "names"
    with bounded():
        path = limits.safe_join(folder, name)
        assert Path(*path.parts).resolve().is_relative_to(folder.resolve())
        assert path != folder
    with bounded():
        reference.parse(name)
    with bounded():
        remote_file(name, "amd64")


TEMPLATE = "FROM {{ parent }}\n{% for a in axes.values() %}RUN {{ a | upper }}\n{% endfor %}"
EXPRESSIONS = st.sampled_from(
    [
        "{{ 9 ** 9 ** 9 }}", "{{ 'x' * 10 ** 9 }}", "{{ range(10 ** 9) }}", "{% endfor %}",
        "{% for b in range(99999) %}", "{{ a.__class__ }}", "{{ self }}", "{{ cycler }}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}", "{% set a = [a, a] %}",
        "{{ '%99999999d' % 1 }}", "{{ a | center(10 ** 9) }}", "{{ axes.clear() }}", "{# ", "{{ -",
    ]
)  # fmt: skip


@given(parts=st.lists(st.one_of(EXPRESSIONS, SNIPPETS, edited(TEMPLATE)), max_size=4))
def test_a_template(parts: list[str]) -> None:
    text = TEMPLATE + "".join(parts)
    recipe = Recipe(name="x", summary="", dockerfile=text, dockerfile_path="x.j2")
    variables = BuildVariables(axes={"os": "1"}, providers={}, versions={})
    with bounded(is_traced=True):
        DockerfileRenderer(macros={}, macros_path="", sources={}).render(recipe, variables)


PIECES = st.sampled_from(
    ["a", "(", ")", "[", "]", "*", "+", "?", "{9}", "{999}", "{9,}", "|", "^", "$", ".", "\\d",
     "\\", "(?:", "(?=", "(?!", "(?<=", "(?<n>", "\\k<n>", "\\p{L}", "(?R)", "(a|a)*",
     "(.*)*", "{", "}"]
)  # fmt: skip


@given(pieces=st.lists(PIECES, max_size=12), text=st.text("ab", max_size=30))
def test_a_pattern(pieces: list[str], text: str) -> None:
    with bounded(is_traced=True):
        assert matches("".join(pieces), text) in (True, False)
    with bounded():
        first_groups("".join(pieces), text)
