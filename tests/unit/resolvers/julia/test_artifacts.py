"""Artifacts of Julia packages: which of them Pkg would download for a platform."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.common.errors import StepError
from builder.resolvers.julia.artifacts import Tables, chosen, platform_tags, tables
from builder.resolvers.julia.stdlib import bundle
from tests.fakes.julia_packages import tarball

TREE = "1" * 40
LINUX = {"os": "linux", "arch": "x86_64"}
COMPILER = {
    "libgfortran_version": "5.0.0",
    "libstdcxx_version": "3.4.30",
    "cxxstring_abi": "cxx11",
}


def picked(*entries: Mapping[str, str], arch: str = "amd64", julia: str = "1.10.4") -> list[str]:
    """The `is` of the chosen one of several entries of an artifact."""
    listed = [
        {
            **{key: text for key, text in item.items() if key != "is"},
            "git-tree-sha1": f"{number:040d}",
            "download": [{"url": "https://example.org", "sha256": ""}],
        }
        for number, item in enumerate(entries)
    ]
    platform = platform_tags(arch, julia, COMPILER)
    found = chosen(Tables(entries={"lib": listed}), platform, "B_jll 1.0.0")
    return [entries[int(item.tree)]["is"] for item in found]


@pytest.mark.parametrize(
    ("entries", "arch", "expected"),
    [
        ([{**LINUX, "is": "x"}, {**LINUX, "arch": "aarch64", "is": "arm"}], "amd64", ["x"]),
        ([{**LINUX, "is": "x"}, {**LINUX, "arch": "aarch64", "is": "arm"}], "arm64", ["arm"]),
        ([{**LINUX, "arch": "arm64", "is": "arm"}], "arm64", ["arm"]),
        ([{**LINUX, "os": "macos", "is": "mac"}, {**LINUX, "os": "windows", "is": "w"}],
         "amd64", []),
        ([{**LINUX, "libc": "musl", "is": "musl"}, {**LINUX, "is": "glibc"}], "amd64", ["glibc"]),
        ([{**LINUX, "libc": "musl", "is": "musl"}], "amd64", []),
        ([{**LINUX, "libgfortran_version": v, "is": v} for v in ("3.0.0", "4.0.0", "5.0.0")],
         "amd64", ["5.0.0"]),
        ([{**LINUX, "libgfortran_version": "5", "is": "five"}], "amd64", ["five"]),
        ([{**LINUX, "cxxstring_abi": v, "is": v} for v in ("cxx11", "cxx03")], "amd64", ["cxx11"]),
        # One for a compiler that is known is better than one for any.
        ([{**LINUX, "is": "any"}, {**LINUX, "cxxstring_abi": "cxx11", "is": "11"}],
         "amd64", ["11"]),
        # Of a C++ library: at most the one that Julia has.
        ([{**LINUX, "libstdcxx_version": v, "is": v} for v in ("3.4.26", "3.4.30", "3.4.33")],
         "amd64", ["3.4.30"]),
        # Of Julia: the same minor version.
        ([{**LINUX, "julia_version": v, "is": v} for v in ("1.9.0", "1.10.0", "1.11.0")],
         "amd64", ["1.10.0"]),
        # What nobody knows of the platform is no reason against an entry, and none for it.
        ([{**LINUX, "cuda": "12.0", "is": "cuda"}, {**LINUX, "is": "plain"}], "amd64", ["plain"]),
        ([{**LINUX, "mpi": v, "is": v} for v in ("mpich", "openmpi", "mpitrampoline")],
         "amd64", ["openmpi"]),
        ([{"os": "linux", "is": "no arch"}], "amd64", []),
        ([{**LINUX, "julia_version": "9" * 5000, "is": "endless"}], "amd64", []),
        ([{**LINUX, "libgfortran_version": "9" * 5000, "is": "endless"}], "amd64", []),
        ([{**LINUX, "libstdcxx_version": "x", "is": "no number"}], "amd64", ["no number"]),
        ([{**LINUX, "OS": "linux", "ARCH": "X86_64", "is": "loud"}], "amd64", ["loud"]),
    ],
)  # fmt: skip
def test_the_entry_that_fits_the_platform_best(
    entries: list[dict[str, str]], arch: str, expected: list[str]
) -> None:
    assert picked(*entries, arch=arch) == expected
    assert picked(*reversed(entries), arch=arch) == expected


def test_an_artifact_of_every_platform_and_one_that_is_made_on_the_spot() -> None:
    entries = {
        "data": {"git-tree-sha1": TREE, "download": [{}]},
        "lazy": {"git-tree-sha1": TREE, "lazy": True, "download": [{}]},
        "made": {"git-tree-sha1": TREE},
    }
    found = list(chosen(Tables(entries=entries), platform_tags("amd64", "1.10.4", {}), "A"))
    assert [(item.name, item.is_lazy) for item in found] == [("data", False), ("lazy", True)]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"a": 1}, "A: its artifact 'a' is neither an array nor a table"),
        ({"a": [1]}, "A: its artifact 'a' is neither an array nor a table"),
        ({"a": {"download": []}}, "A: its artifact a has no git tree: ''"),
        ({"a": {"download": [], "git-tree-sha1": "../../x"}},
         "A: its artifact a has no git tree: '../../x'"),
        ({"../a": {"download": [], "git-tree-sha1": TREE}},
         "A: its artifact has a name that cannot be locked: '../a'"),
        ({"a b": {"download": [], "git-tree-sha1": TREE}},
         "A: its artifact has a name that cannot be locked: 'a b'"),
    ],
)  # fmt: skip
def test_a_table_as_an_attacker_writes_it(entries: dict[str, object], said: str) -> None:
    with pytest.raises(StepError) as caught:
        list(chosen(Tables(entries=entries), platform_tags("amd64", "1.10.4", {}), "A"))
    assert caught.value.message == said


def test_the_table_of_a_package_is_at_its_top(tmp_path: Path) -> None:
    def read(**files: str) -> Tables:
        (tmp_path / "a").write_bytes(
            tarball({key.replace("_", "."): it for key, it in files.items()})
        )
        return tables(tmp_path / "a", "A")

    assert read(src="", test_toml="") == Tables()
    assert read(Artifacts_toml="a = 1").entries == {"a": 1}
    assert read(Artifacts_toml="a = 1", JuliaArtifacts_toml="b = 1").entries == {"b": 1}
    assert read(**{"./Artifacts_toml": "a = 1"}).entries == {"a": 1}
    assert read(**{"test/Artifacts_toml": "a = 1"}) == Tables()
    with pytest.raises(StepError, match=r"^A: Artifacts\.toml is not valid TOML: "):
        read(Artifacts_toml="[")


STDLIB = {"julia-1/share/julia/stdlib/v1/Dates/Project.toml": 'name = "Dates"\nuuid = "d"'}


@pytest.mark.parametrize(
    ("files", "compiler"),
    [
        ({}, {"cxxstring_abi": "cxx11"}),
        ({"lib/julia/libgfortran.so.5": "", "lib/julia/libstdc++.so.6.0.30": "",
          "lib/julia/libstdc++.so.6": "", "share/x/libgfortran.so.3": ""}, COMPILER),
        ({"lib/julia/libgfortran.so.5": "", "share/julia/base/build_h.jl":
          'const BUILD_TRIPLET = "x86_64-linux-gnu-libgfortran4-cxx03"\n'},
         {"cxxstring_abi": "cxx03", "libgfortran_version": "4.0.0"}),
        ({"share/julia/base/build_h.jl": 'const MACHINE = "x86_64-linux-gnu"\n'},
         {"cxxstring_abi": "cxx11"}),
    ],
)  # fmt: skip
def test_the_compiler_of_a_julia_is_read_from_its_tarball(
    tmp_path: Path, files: dict[str, str], compiler: dict[str, str]
) -> None:
    packed = {f"julia-1/{path}": text for path, text in files.items()}
    (tmp_path / "a").write_bytes(tarball({**STDLIB, **packed}))
    assert bundle(tmp_path / "a", "1.10.4").compiler == compiler
