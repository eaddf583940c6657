"""What uv and pip make of an index of Python's packages, for real."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.catalog.models import Network, Proxy
from builder.catalog.packages import LockedPackage
from builder.common.errors import NoPackageError, StepError, UnreachableError
from builder.common.process import Runner
from builder.resolvers.python.packages import PipResolver
from tests.fakes.layers import asked
from tests.integration.providers.index import Index, indexing, wheel

FOR = "for leaf/debian=13"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with indexing() as found:
        yield found


class Asking:
    """PipResolver that ask an index."""

    def __init__(self, index: Index, folder: Path, runner: Runner) -> None:
        self.network = Network(proxy=Proxy(none="127.0.0.1"), mirrors={"pip": index.url})
        self.folder, self.runner = folder, runner

    def layers(self) -> PipResolver:
        return PipResolver(runner=self.runner, network=self.network, folder=self.folder)

    def lock(self, *names: str) -> dict[str, str]:
        """The version of each package."""
        found = self.layers().resolve(asked(*names, python="3.13.5"))
        return {name: it.version for name, it in found.items()}

    def error(self, *names: str) -> NoPackageError:
        with pytest.raises(NoPackageError) as caught:
            self.lock(*names)
        assert "--no-build" not in str(caught.value)
        return caught.value


@pytest.fixture
def asking(index: Index, tmp_path: Path, runner: Runner) -> Asking:
    return Asking(index, tmp_path / "files", runner)


def test_a_package_that_is_not_there(index: Index, asking: Asking) -> None:
    index.wheel("lamp", "1.0")
    error = asking.error("lamp", "lampp")
    assert str(error) == (
        f"there is no package lampp in the index (recipe leaf, {FOR})\n  hint: is the name right?"
    )
    assert error.package == "lampp"


def test_a_dependency_that_is_not_there(index: Index, asking: Asking) -> None:
    index.wheel("lamp", "1.0", "cord")
    index.wheel("cord", "1.0", "copper>=2")
    assert str(asking.error("lamp")).splitlines()[0] == (
        "there is no package copper in the index, which cord needs, which lamp needs; recipe leaf"
        f" names lamp {FOR}"
    )


def test_an_extra_that_is_not_there(index: Index, asking: Asking) -> None:
    index.wheel("lamp", "1.0")
    error = asking.error("lamp[dimmer]")
    assert str(error).splitlines()[0] == (f"lamp 1.0 has no extra dimmer (recipe leaf, {FOR})")
    assert error.package == "lamp[dimmer]"


def test_a_version_that_is_not_there(index: Index, asking: Asking) -> None:
    index.wheel("lamp", "1.0")
    for wanted in ("lamp==2.0", "lamp>=2"):
        assert str(asking.error(wanted)) == (
            f"the index has no {wanted} (recipe leaf, {FOR})\n  hint: the newest that suits is 1.0"
        )


def test_what_has_only_its_source_is_refused_and_never_run(index: Index, asking: Asking) -> None:
    index.sdist("cord", "2.0")
    index.wheel("lamp", "1.0", "cord")
    assert str(asking.error("lamp")) == (
        "cord 2.0 has no wheel for linux/amd64 and Python 3.13, and sources are not built here,"
        f" which lamp needs; recipe leaf names lamp {FOR}\n"
        "  hint: no version of cord has one: leave out what needs it, or name its"
        " source with the hash of it, `cord==VERSION --hash=sha256:…`"
    )


def test_an_older_version_that_has_a_wheel_is_named_and_works(index: Index, asking: Asking) -> None:
    index.sdist("cord", "2.0")
    index.wheel("cord", "1.0")
    index.wheel("lamp", "1.0", "cord>=1")
    assert asking.lock("lamp") == {"cord": "1.0", "lamp": "1.0"}
    error = asking.error("cord==2.0")
    assert error.hint == "the newest with one is 1.0: ask for packages that accept cord==1.0"
    assert asking.lock("cord==1.0") == {"cord": "1.0"}


def test_a_wheel_of_another_machine(index: Index, asking: Asking) -> None:
    file = index.wheel("cord", "1.0")
    other = file.replace("py3-none-any", "cp313-cp313-win_amd64")
    index.files[other] = index.files.pop(file)
    index.links["cord"] = [f'<a href="/files/{other}">{other}</a>']
    assert "has no wheel for linux/amd64 and Python 3.13" in str(asking.error("cord"))


def test_a_withdrawn_version_is_taken_by_its_exact_name_alone(index: Index, asking: Asking) -> None:
    index.wheel("lamp", "1.0", link='data-yanked="it burns"')
    assert str(asking.error("lamp")) == (
        f"lamp 1.0 was withdrawn by its project (it burns) (recipe leaf, {FOR})\n"
        "  hint: name another version; an exact one (==) is installed even if it was withdrawn"
    )
    assert asking.lock("lamp==1.0") == {"lamp": "1.0"}


def test_a_version_for_another_python_is_passed_over(index: Index, asking: Asking) -> None:
    index.wheel("lamp", "2.0", link='data-requires-python="&gt;=3.99"')
    index.wheel("lamp", "1.0", link='data-requires-python="&gt;=3.8"')
    assert asking.lock("lamp") == {"lamp": "1.0"}


def test_links_without_a_hash_relative_and_moved(index: Index, asking: Asking) -> None:
    index.wheel("lamp", "1.0", link='href="../../files/lamp-1.0-py3-none-any.whl"')
    index.links["kept"] = index.links.pop("lamp")
    index.moved["lamp"] = "kept"  # whose page is elsewhere, and its links are relative to that
    locked = asking.layers().resolve(asked("lamp", python="3.13.5"))
    assert len(locked["lamp"].hash) == 64
    assert asking.layers().fetch(asked("lamp", python="3.13.5"), locked)["lamp"].is_file()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "it answered 401 Unauthorized"),
        (403, "it answered 403 Forbidden"),
        (500, "it answered 500 Internal Server Error"),
    ],
)
def test_a_page_that_is_refused_says_nothing_of_the_package(
    index: Index, asking: Asking, status: int, said: str
) -> None:
    index.wheel("lamp", "1.0", "cord")
    index.answers["cord"] = status
    with pytest.raises(UnreachableError, match=said):
        asking.lock("lamp")


def test_a_page_that_is_gone(index: Index, asking: Asking) -> None:
    index.answers["lamp"] = 410
    assert "there is no package lamp in the index" in str(asking.error("lamp"))


def test_a_page_that_is_a_login(index: Index, asking: Asking) -> None:
    index.links["lamp"] = ["Please log in."]
    assert "there is no package lamp in the index" in str(asking.error("lamp"))


def test_a_file_that_the_index_lists_and_does_not_have(index: Index, asking: Asking) -> None:
    del index.files[index.wheel("lamp", "1.0")]
    assert "the index lists lamp-1.0-py3-none-any.whl, but does not have the file" in str(
        asking.error("lamp")
    )


# What is locked, once the index has it no more.


@pytest.fixture
def lamp(index: Index, asking: Asking) -> dict[str, LockedPackage]:
    """A package that is locked."""
    index.wheel("lamp", "1.0")
    return dict(asking.layers().resolve(asked("lamp", python="3.13.5")))


def test_what_is_kept_is_had_by_its_hash(
    index: Index, asking: Asking, lamp: dict[str, LockedPackage]
) -> None:
    wanted = asked("lamp", python="3.13.5")
    first = asking.layers().fetch(wanted, lamp)
    index.drop("lamp")
    assert asking.layers().fetch(wanted, lamp) == first
    first["lamp"].unlink()
    with pytest.raises(StepError) as caught:
        asking.layers().fetch(wanted, lamp)
    assert str(caught.value) == (
        "the index has no lamp 1.0 any more, and there is no copy of it here\n"
        "  hint: name another version or package in the recipe, then run `builder lock`"
    )


def test_an_index_that_does_not_answer_has_lost_nothing(
    asking: Asking, lamp: dict[str, LockedPackage], index: Index
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        index.address = f"127.0.0.1:{nobody.getsockname()[1]}"
        away = Asking(index, asking.folder, asking.runner)
        with pytest.raises(UnreachableError, match="no answer"):
            away.layers().fetch(asked("lamp", python="3.13.5"), lamp)


def test_a_file_that_was_replaced_is_not_installed(
    index: Index, asking: Asking, lamp: dict[str, LockedPackage]
) -> None:
    index.links.clear()
    index.files["lamp-1.0-py3-none-any.whl"] = wheel("lamp", "1.0").replace(b"x = 1", b"x = 2")
    index.offer("lamp", "lamp-1.0-py3-none-any.whl", "")
    with pytest.raises(StepError, match=r"the locked file .* cannot be downloaded"):
        asking.layers().fetch(asked("lamp", python="3.13.5"), lamp)
    now = asking.layers().resolve(asked("lamp", python="3.13.5"))
    assert now["lamp"].file == lamp["lamp"].file
    assert now["lamp"].digest != lamp["lamp"].digest  # which `builder lock` refuses
