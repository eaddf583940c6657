"""Source distributions: what of them is in the lock, and where they come from."""

from __future__ import annotations

import hashlib

import pytest

from builder.catalog.models import Network, RemoteFile
from builder.common.errors import StepError, UnreachableError
from builder.common.process import Output
from builder.lock.interfaces import ExactVersion
from builder.network.fetcher import Fetcher
from builder.resolvers.python.pypi import PythonPackages
from builder.resolvers.python.sdists import PipFiles
from tests.fakes.lines import IMPATIENT, Upstream, mirrored, request
from tests.fakes.programs import FakePrograms

DATA = b"\x1f\x8b pyspark"
SHA256 = hashlib.sha256(DATA).hexdigest()
NAME = "pyspark-4.1.4.tar.gz"
FILE = RemoteFile(name="pyspark.tar.gz", url="pkg:pypi/pyspark@4.1.4", sha256=SHA256)
WANTED = request("4.1", package="pyspark", sdist="pyspark.tar.gz")


def pylock(url: str, *, sha256: str = SHA256, kind: str = "sdist") -> Output:
    """What uv says of a package; `kind` is what its file is."""
    hashes = f'sha256 = "{sha256}"' if sha256 else 'md5 = "0"'
    said = (
        'lock-version = "1.0"\n\n[[packages]]\nname = "pyspark"\nversion = "4.1.4"\n'
        f'{kind} = {{ url = "{url}", hashes = {{ {hashes} }} }}\n'
    )
    return Output(code=0, stdout=said, log=said)


def network(**mirrors: str) -> Network:
    return Network(mirrors=mirrors)


def pip_files(there: Upstream, runner: FakePrograms, **mirrors: str) -> PipFiles:
    known = network(**mirrors)
    fetcher = Fetcher(network=known, folder=there.folder, retry_policy=IMPATIENT)
    return PipFiles(fetcher=fetcher, runner=runner, network=known)


def test_a_source_is_locked_by_name_version_and_hash() -> None:
    runner = FakePrograms({"uv pip": pylock(f"https://index.example/{NAME}")})
    packages = PythonPackages(runner=runner, network=network())
    assert packages.resolve(WANTED) == ExactVersion(version="4.1.4", files=(FILE,))
    plain = packages.resolve(request("4.1", package="pyspark"))
    assert plain == ExactVersion(version="4.1.4")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            pylock(f"https://index.example/{NAME}", sha256=""),
            "the index states no sha256 of the source of pyspark 4.1.4",
        ),
        (
            pylock(f"https://index.example/{NAME}", kind="archive"),
            "provider pypi has no source of pyspark 4.1.4",
        ),
    ],
)
def test_a_source_that_cannot_be_locked(said: Output, message: str) -> None:
    packages = PythonPackages(runner=FakePrograms({"uv pip": said}), network=network())
    with pytest.raises(StepError) as caught:
        packages.resolve(WANTED)
    assert str(caught.value) == message


def test_a_build_gets_it_from_where_the_index_says_once(there: Upstream) -> None:
    there.serve(NAME, DATA)
    runner = FakePrograms({"uv pip": pylock(f"http://{there.server.address}/{NAME}")})
    index = f"http://me:secret@{there.server.address}/simple/"
    files = pip_files(there, runner, pip=index)
    for _ in range(2):
        assert files.file(FILE).read_bytes() == DATA
    assert [path for _, path in there.server.asked] == [f"/{NAME}"]
    (asked,) = runner.asked
    assert asked.stdin == b"pyspark==4.1.4\n"
    assert asked.env["UV_DEFAULT_INDEX"] == index


def test_a_file_that_was_replaced_is_refused(there: Upstream) -> None:
    there.serve(NAME, b"other")
    url = f"http://{there.server.address}/{NAME}"
    files = pip_files(there, FakePrograms({"uv pip": pylock(url)}))
    with pytest.raises(
        StepError, match=f"^pyspark.tar.gz: {url} does not have the expected sha256"
    ):
        files.file(FILE)
    assert not (there.folder / SHA256).exists()


NONE = "  × No solution found when resolving dependencies: there is no version of pyspark==4.1.4"
DEAD = """error: Request failed after 2 retries in 8.2s
  cause: Failed to fetch: http://mirror.example/simple/pyspark/
  cause: client error (Connect)
  cause: Connection refused (os error 111)
"""


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        (Output(code=1, stdout="", log=NONE), StepError,
         "pip: the index has no source of pyspark==4.1.4"),
        (pylock("https://index.example/a.whl", kind="archive"), StepError,
         "pip: the index has no source of pyspark==4.1.4"),
        (Output(code=2, stdout="", log=DEAD), UnreachableError,
         "pip cannot be reached: mirror.example: the connection was refused"),
    ],
)  # fmt: skip
def test_a_source_that_cannot_be_had(
    there: Upstream, said: Output, kind: type[StepError], message: str
) -> None:
    files = pip_files(there, FakePrograms({"uv pip": said}), pip="http://mirror.example/simple/")
    with pytest.raises(kind) as caught:
        files.file(FILE)
    assert caught.value.message == message


def test_other_files_are_fetched_as_they_are(there: Upstream) -> None:
    there.serve("julia/julia.tar.gz", DATA)
    known = mirrored(there.server.address)
    url = "https://julialang-s3.julialang.org/julia.tar.gz"
    file = RemoteFile(name="julia.tar.gz", url=url, sha256=SHA256)
    files = PipFiles(fetcher=there.fetcher(), runner=FakePrograms({}), network=known)
    assert files.file(file).read_bytes() == DATA
