"""Layers of wheels: what uv and pip are asked, and what is made of their words."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.catalog.models import Network, RemoteFile
from builder.catalog.packages import LockedPackage
from builder.common.errors import NoPackageError, StepError, UnreachableError
from builder.common.process import Command, Output
from builder.resolvers.python.ecosystem import PIP
from builder.resolvers.python.packages import PipResolver
from tests.fakes.layers import asked
from tests.fakes.lines import request
from tests.fakes.programs import FakePrograms

NETWORK = Network()
ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
PLAIN = "py3-none-any.whl"
BOTH = (
    ("six", "1.17.0", {PLAIN: ONE}),
    ("lxml", "6.0.0", {"cp313-cp313-manylinux_2_28_x86_64.whl": TWO}),
)


def lock(*packages: tuple[str, str, dict[str, str]]) -> str:
    """A pylock.toml as uv writes it: name, version, wheels by tag with their hash."""
    text = 'lock-version = "1.0"\ncreated-by = "uv"\n'
    for name, version, wheels in packages:
        text += f'\n[[packages]]\nname = "{name}"\nversion = "{version}"\nwheels = [\n'
        for tag, digest in wheels.items():
            url = f"https://files.example/{name}-{version.replace('+', '%2B')}-{tag}"
            text += f'  {{ url = "{url}", hashes = {{ sha256 = "{digest}" }} }},\n'
        text += "]\n"
    return text


def wheel(version: str, file: str, digest: str, source: str = "pip") -> LockedPackage:
    return LockedPackage(version=version, digest=f"sha256:{digest}", source=source, file=file)


SIX = wheel("1.17.0", f"six-1.17.0-{PLAIN}", ONE)


class Uv(FakePrograms):
    """uv and pip that answer one after another."""

    def __init__(self, *answers: str | Output) -> None:
        super().__init__()
        self.queue = list(answers)

    def run(self, command: Command, **options: object) -> Output:  # type: ignore[override]
        super().run(command, **options)
        found = self.queue.pop(0)
        return found if isinstance(found, Output) else Output(code=0, stdout=found, log=found)


def layers(folder: Path, uv: Uv, network: Network = NETWORK, **more: bool) -> PipResolver:
    return PipResolver(runner=uv, network=network, folder=folder, **more)


def refused(log: str) -> Output:
    return Output(code=1, stdout="", log=log)


def test_what_uv_chooses_is_locked_but_what_ancestors_have(tmp_path: Path) -> None:
    uv = Uv(lock(*BOTH))
    found = layers(tmp_path, uv).resolve(
        asked("lxml>=6", python="3.13.5", inherited={"six": SIX}, constraints={"lxml": ">=5.3.1"})
    )
    assert found == {
        "lxml": wheel("6.0.0", "lxml-6.0.0-cp313-cp313-manylinux_2_28_x86_64.whl", TWO)
    }
    (command,) = uv.asked
    words = " ".join(command.argv)
    assert "pip compile - " in words
    assert "--python-version 3.13.5 --python-platform x86_64-manylinux_2_" in words
    assert "--format pylock.toml --only-binary :all: --constraint " in words
    assert "--no-deps" not in command.argv
    assert command.stdin == b"lxml>=6\n"
    assert uv.given["--constraint"] == "six==1.17.0\nlxml>=5.3.1\n"


@pytest.mark.parametrize(
    ("wheels", "best"),
    [
        (
            {
                "cp312-cp312-manylinux_2_28_x86_64.whl": ONE,
                "cp313-cp313-manylinux_2_28_aarch64.whl": ONE,
                "cp313-cp313-musllinux_1_2_x86_64.whl": ONE,
                "cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": TWO,
                "py3-none-any.whl": ONE,
            },
            TWO,
        ),
        (
            {
                "cp313-cp313-manylinux2014_x86_64.whl": ONE,
                "cp313-cp313-manylinux_2_28_x86_64.whl": TWO,
            },
            TWO,
        ),
        ({"cp313-cp313-manylinux_2_99_x86_64.whl": ONE, "cp313-none-any.whl": TWO}, TWO),
    ],
    ids=["of this Python and machine", "the newest glibc", "no newer glibc than there is"],
)
def test_the_wheel_that_suits_best(tmp_path: Path, wheels: dict[str, str], best: str) -> None:
    uv = Uv(lock(("lxml", "6.0.0", wheels)))
    found = layers(tmp_path, uv).resolve(asked("lxml", python="3.13.5"))
    assert found["lxml"].hash == best


def test_a_version_with_a_label_is_of_pytorch(tmp_path: Path) -> None:
    uv = Uv(lock(("torch", "2.15.0+cpu", {"cp313-cp313-linux_x86_64.whl": ONE})))
    lines = (("pytorch", request("2.15", index="cu130")),)
    found = layers(tmp_path, uv).resolve(
        asked("torch==2.15.0", python="3.13.5", release_lines=lines)
    )
    name = "torch-2.15.0+cpu-cp313-cp313-linux_x86_64.whl"
    assert found == {"torch": wheel("2.15.0+cpu", name, ONE, "pytorch")}
    index = uv.asked[0].env["UV_INDEX"]
    assert index.endswith("/whl/cu130")
    assert uv.asked[0].env["PIP_EXTRA_INDEX_URL"] == index


def test_a_package_without_a_wheel(tmp_path: Path) -> None:
    uv = Uv(lock(("lxml", "6.0.0", {"cp312-cp312-manylinux_2_28_x86_64.whl": ONE})))
    with pytest.raises(StepError) as caught:
        layers(tmp_path, uv).resolve(asked("lxml", python="3.13.5"))
    assert str(caught.value) == (
        "lxml 6.0.0 has no wheel for leaf/debian=13\n"
        "  hint: ask for a version that has one, or for another package"
    )


def test_a_stated_hash_is_held_against_what_there_is(tmp_path: Path) -> None:
    name = f"Six==1.17.0 --hash=sha256:{TWO}"
    uv = Uv(*[lock(("six", "1.17.0", {PLAIN: ONE}))] * 2)
    alone = layers(tmp_path, uv, is_alone=True)
    with pytest.raises(StepError) as caught:
        alone.resolve(asked(name, python="3.13"))
    assert str(caught.value) == (
        f"six-1.17.0-py3-none-any.whl has another hash than the recipe states: sha256:{ONE}\n"
        "  hint: it was replaced upstream, or the recipe is wrong; do not build with it"
    )
    assert uv.asked[0].stdin == b"Six==1.17.0\n"
    assert uv.asked[0].argv[-1] == "--no-deps"
    assert alone.resolve(asked(f"{name} --hash=sha256:{ONE}", python="3.13")) == {"six": SIX}


def test_extras_bring_what_they_need(tmp_path: Path) -> None:
    uv = Uv(lock(("kit", "13.0", {PLAIN: ONE}), ("part", "2.0", {PLAIN: TWO})))
    alone = layers(tmp_path, uv, is_alone=True)
    assert set(alone.resolve(asked("kit[part]==13.0", python="3.13"))) == {"kit", "part"}
    assert "--no-deps" not in uv.asked[0].argv


def test_what_should_stay_stays_where_it_can(tmp_path: Path) -> None:
    uv = Uv(refused("  x No solution found\n"), lock(*BOTH))
    found = layers(tmp_path, uv).resolve(
        asked("lxml", python="3.13", preferred={"lxml": wheel("5.0", "lxml-5.0-x.whl", TWO)})
    )
    assert found["lxml"].version == "6.0.0"
    assert len(uv.asked) == 2
    assert uv.given["--constraint"] == ""


def test_what_uv_cannot_choose(tmp_path: Path) -> None:
    uv = Uv(refused("  x No solution found:\n  because six==1.17.0 and lxml needs six>=2\n"))
    with pytest.raises(NoPackageError) as caught:
        layers(tmp_path, uv).resolve(
            asked(
                "lxml",
                python="3.13",
                inherited={"six": SIX},
                introduced_by={"six": "base/debian=13"},
            )
        )
    assert str(caught.value) == (
        "no versions of lxml fit (recipe leaf, for leaf/debian=13):\n"
        "    x No solution found:\n"
        "    because six==1.17.0 and lxml needs six>=2\n"
        "  hint: the packages of base/debian=13 stay: run `builder lock --upgrade`,"
        " or ask for other versions, or leave one out under a condition of `when`"
    )
    assert caught.value.package == "lxml"


LACKS = "warning: The package `six==1.17.0` does not have an extra named `fst`\n"
ONLY_SIX = lock(BOTH[0])


def test_an_extra_that_a_package_does_not_have_is_refused(tmp_path: Path) -> None:
    uv = Uv(Output(code=0, stdout=ONLY_SIX, log=LACKS))
    with pytest.raises(NoPackageError) as raised:
        layers(tmp_path, uv).resolve(asked("lxml", "Six[fast, FST]>=1", python="3.13.5"))
    assert str(raised.value) == (
        "six 1.17.0 has no extra fst (recipe leaf, for leaf/debian=13)\n"
        "  hint: is the name of the extra right? If it is not needed, remove it"
    )
    assert raised.value.package == "Six[fast, FST]>=1"
    assert "--quiet" not in uv.asked[0].argv, "uv says it as a warning alone"


def test_an_extra_that_a_dependency_does_not_have_is_its_own_matter(tmp_path: Path) -> None:
    uv = Uv(Output(code=0, stdout=ONLY_SIX, log=LACKS))
    assert layers(tmp_path, uv).resolve(asked("six", "other[fst]", python="3.13.5")) == {"six": SIX}


def test_an_extra_that_only_a_newer_version_has_moves_its_package(tmp_path: Path) -> None:
    newer = lock(("six", "1.18.0", {PLAIN: TWO}))
    uv = Uv(Output(code=0, stdout=ONLY_SIX, log=LACKS), newer)
    found = layers(tmp_path, uv).resolve(asked("six[fst]", python="3.13.5", preferred={"six": SIX}))
    assert found["six"].version == "1.18.0"


def test_packages_of_python_for_an_image_that_has_none(tmp_path: Path) -> None:
    uv = Uv()
    with pytest.raises(NoPackageError) as caught:
        layers(tmp_path, uv).resolve(asked("requestss"))
    assert str(caught.value) == (
        "recipe leaf names Python packages, but leaf/debian=13 has no Python\n"
        "  hint: `needs: [python]` in images/leaf/recipe.yaml, on an image that has it"
    )
    assert uv.asked == []


def test_an_index_that_cannot_be_asked(tmp_path: Path) -> None:
    said = (
        "error: Failed to fetch: `https://mirror.example/simple/lxml/`\n"
        "  cause: Connection refused (os error 111)\n"
    )
    mirrors = {"pip": "https://me:secret@mirror.example/simple"}
    network = Network(mirrors=mirrors)
    with pytest.raises(UnreachableError) as caught:
        layers(tmp_path, Uv(refused(said)), network).resolve(asked("lxml", python="3.13"))
    assert "mirror.example" in caught.value.message
    assert "secret" not in str(caught.value)


def test_uv_is_always_asked_what_is_newest(tmp_path: Path) -> None:
    assert not layers(tmp_path, Uv()).is_newest(asked("six"), {"six": SIX})


def test_who_only_looks_asks_for_a_page_once(tmp_path: Path) -> None:
    uv = Uv("", lock(*BOTH), lock(BOTH[0]))
    held = {"lxml": wheel("6.0.0", "lxml-6.0.0-cp313-cp313-manylinux_2_28_x86_64.whl", TWO)}
    found = layers(tmp_path, uv, only_looks=True)
    wanted = asked("lxml", python="3.13.5", inherited={"six": SIX})
    assert found.is_newest(wanted, held)
    refresh, solve = uv.asked
    assert refresh.stdin == b"six==1.17.0\nlxml==6.0.0\n"
    assert refresh.argv[-1] == "--no-deps"
    assert "--offline" not in refresh.argv
    assert solve.stdin == b"lxml\n"
    assert solve.argv[-1] == "--offline"
    # What is known now is asked no more, of another target either.
    assert found.resolve(wanted) == held
    assert found.is_newest(asked("six", python="3.13.5"), {"six": SIX})
    assert [command.argv[-1] for command in uv.asked[2:]] == ["--offline"]


@pytest.mark.parametrize(
    "answers",
    [
        [refused("error: the index cannot be asked")],
        ["", refused("error: network was disabled")],
        ["", lock(("six", "1.18.0", {PLAIN: ONE}))],
    ],
    ids=["no pages", "pages that are not kept", "something newer"],
)
def test_who_only_looks_has_it_solved_where_something_may_be_newer(
    tmp_path: Path, answers: list[str | Output]
) -> None:
    uv = Uv(*answers, lock(("six", "1.18.0", {PLAIN: ONE})))
    found = layers(tmp_path, uv, only_looks=True)
    assert not found.is_newest(asked("six", python="3.13.5"), {"six": SIX})
    assert found.resolve(asked("six", python="3.13.5"))["six"].version == "1.18.0"
    assert "--offline" not in uv.asked[-1].argv


def test_files_that_are_kept_are_not_fetched(tmp_path: Path) -> None:
    (tmp_path / ONE).write_text("six")
    uv = Uv()
    assert layers(tmp_path, uv).fetch(asked("six"), {"six": SIX}) == {"six": tmp_path / ONE}
    assert uv.asked == []


def test_files_are_fetched_by_their_hash(tmp_path: Path) -> None:
    log = (
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n    six==1.17.0:\n"
        f"        Expected sha256 {ONE}\n             Got        {TWO}\n"
    )
    uv = Uv(refused(log))
    other = wheel("6.0.0", "lxml-6.0.0-x.whl", THREE)
    with pytest.raises(StepError) as caught:
        layers(tmp_path / "files", uv).fetch(
            asked("six", python="3.13.5"), {"six": SIX, "lxml": other}
        )
    assert str(caught.value) == (
        "the locked file six-1.17.0-py3-none-any.whl, and 1 other cannot be downloaded:\n"
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n"
        f"        Expected sha256 {ONE}\n             Got        {TWO}\n"
        "  hint: was it replaced upstream? If that is intended, `builder lock --upgrade six`"
        " locks the new file"
    )
    assert uv.given["--requirement"] == (
        f"lxml==6.0.0 --hash=sha256:{THREE}\nsix==1.17.0 --hash=sha256:{ONE}\n"
    )
    argv = uv.asked[0].argv
    assert argv[1:4] == ("-m", "pip", "download")
    assert {"--no-deps", "--require-hashes", "--only-binary=:all:"} <= {*argv}
    assert "--python-version=3.13" in argv
    assert "--platform=manylinux_2_28_x86_64" in argv


def test_a_file_that_the_index_has_no_more(tmp_path: Path) -> None:
    log = (
        "ERROR: Could not find a version that satisfies the requirement six==1.17.0 (from versions:"
        " none)\nERROR: No matching distribution found for six==1.17.0\n"
    )
    with pytest.raises(StepError) as caught:
        layers(tmp_path / "files", Uv(refused(log))).fetch(
            asked("six", python="3.13"), {"six": SIX}
        )
    assert str(caught.value) == (
        "the index has no six 1.17.0 any more, and there is no copy of it here\n"
        "  hint: name another version or package in the recipe, then run `builder lock`"
    )


SOURCE = wheel("1.1", "Old_Style-1.1.tar.gz", THREE)
STATED = f"old-style==1.1 --hash=sha256:{THREE}"


def with_source(digest: str = THREE) -> str:
    """What uv says of a package that has its source alone."""
    url = "https://files.example/Old_Style-1.1.tar.gz"
    return lock() + (
        '\n[[packages]]\nname = "old-style"\nversion = "1.1"\n'
        f'sdist = {{ url = "{url}", hashes = {{ sha256 = "{digest}" }} }}\n'
    )


def test_a_source_whose_hash_the_recipe_states_is_locked_and_runs_no_code(tmp_path: Path) -> None:
    uv = Uv(with_source(), lock(*BOTH[:1]) + with_source().removeprefix(lock()))
    found = layers(tmp_path, uv).resolve(asked("six", STATED, python="3.13"))
    assert found == {"six": SIX, "old-style": SOURCE}
    for command in uv.asked:
        assert "--no-config" not in command.argv
    assert uv.given["--config-file"] == 'dependency-metadata = [{name = "old-style"}]\n'
    argv = uv.asked[1].argv
    assert argv[argv.index("--only-binary") + 1] == ":all:"
    assert "--no-binary=old-style" in argv
    assert uv.asked[1].stdin == b"six\nold-style==1.1\n"


def test_a_package_whose_wheel_the_recipe_states_is_not_taken_from_source(tmp_path: Path) -> None:
    known = lock(("six", "1.17.0", {PLAIN: ONE}))
    uv = Uv(known, known)
    name = f"six==1.17.0 --hash=sha256:{ONE}"
    assert layers(tmp_path, uv).resolve(asked(name, python="3.13")) == {"six": SIX}
    assert not [word for word in uv.asked[1].argv if word.startswith("--no-binary")]


def test_a_source_is_fetched_by_its_hash_and_pip_builds_nothing(tmp_path: Path) -> None:
    wanted = []

    def download(file: RemoteFile) -> Path:
        wanted.append(file)
        return tmp_path / THREE

    uv = Uv()
    resolver = PipResolver(runner=uv, network=NETWORK, folder=tmp_path, download=download)
    found = resolver.fetch(asked(STATED, python="3.13"), {"old-style": SOURCE})
    assert found == {"old-style": tmp_path / THREE}
    url = "pkg:pypi/old-style@1.1"
    assert wanted == [RemoteFile(name=SOURCE.file, url=url, sha256=THREE)]
    assert not uv.asked


@pytest.mark.parametrize(("digest", "differing"), [(THREE, set()), (TWO, {"old-style"})])
def test_the_index_is_asked_again_of_a_source(
    tmp_path: Path, digest: str, differing: set[str]
) -> None:
    uv = Uv(with_source(digest))
    found = layers(tmp_path, uv).differing(asked(STATED, python="3.13"), {"old-style": SOURCE})
    assert found.keys() == differing
    assert "--no-binary=old-style" in uv.asked[0].argv


@pytest.mark.parametrize("file", ["Old_Style-1.1.tar.gz", "old-style-1.1.zip"])
def test_a_locked_source_has_the_name_of_its_package(file: str) -> None:
    assert PIP.shape.flaw("old-style", wheel("1.1", file, THREE)) == ""


@pytest.mark.parametrize(
    "file", ["other-1.1.tar.gz", "old-style-1.2.tar.gz", "old-style-1.1.exe", "-1.1.tar.gz"]
)
def test_a_locked_file_of_another_name_is_no_source_of_a_package(file: str) -> None:
    assert PIP.shape.flaw("old-style", wheel("1.1", file, THREE))
