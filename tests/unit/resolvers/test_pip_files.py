"""Files of Python's packages: where they come from, and what of that is in the lock."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from builder.config.parse import Network
from builder.errors import StepError
from builder.model import RemoteFile
from builder.ports import ResolvedLine
from builder.process import Output
from builder.resolvers.fetch import Fetcher, MissingError
from builder.resolvers.pip_files import PipFiles
from builder.resolvers.pypi import PythonPackages
from tests.fakes.lines import IMPATIENT, Upstream, mirrored, request
from tests.fakes.programs import FakePrograms

DATA = b"\x1f\x8b pyspark"
SHA256 = hashlib.sha256(DATA).hexdigest()
PLACE = hashlib.blake2b(DATA, digest_size=32).hexdigest()
NAME = "pyspark-4.1.4.tar.gz"
URL = f"https://files.pythonhosted.org/packages/{PLACE[:2]}/{PLACE[2:4]}/{PLACE[4:]}/{NAME}"
FILE = RemoteFile(name="pyspark.tar.gz", url=URL, sha256=SHA256)
WANTED = request("4.1", package="pyspark", sdist="pyspark.tar.gz")


def pylock(url: str, *, sha256: str = SHA256, wheel: str = "") -> str:
    """What uv says of a package; `wheel` stands for its source."""
    kind = wheel or "sdist"
    hashes = f'sha256 = "{sha256}"' if sha256 else 'md5 = "0"'
    return (
        'lock-version = "1.0"\n\n[[packages]]\nname = "pyspark"\nversion = "4.1.4"\n'
        f'{kind} = {{ url = "{url}", hashes = {{ {hashes} }} }}\n'
    )


def network(**mirrors: str) -> Network:
    return Network(ca="", http_proxy="", https_proxy="", no_proxy="", mirrors=mirrors)


def packages(there: Upstream, said: str, **mirrors: str) -> PythonPackages:
    """The provider, whose uv says something."""
    known = network(**mirrors)
    fetcher = Fetcher(network=known, folder=there.folder, patience=IMPATIENT)
    files = PipFiles(fetcher=fetcher, mirrors=mirrors)
    runner = FakePrograms({"uv pip": Output(code=0, stdout=said, log=said)})
    return PythonPackages(runner=runner, network=known, files=files)


def index(there: Upstream) -> str:
    return f"http://me:secret@{there.server.address}/simple/"


def test_the_source_of_a_line_is_where_pypi_has_it(there: Upstream) -> None:
    found = packages(there, pylock(URL)).resolve(WANTED)
    assert found == ResolvedLine(version="4.1.4", files=(FILE,))
    plain = packages(there, pylock(URL)).resolve(request("4.1", package="pyspark"))
    assert plain == ResolvedLine(version="4.1.4")
    assert there.server.asked == []


@pytest.mark.parametrize(
    "link",
    [
        f"../../files/a%2Bb/{NAME}#sha256={SHA256}",
        f"/files/a%2Bb/{NAME}?x=1&amp;y=2#sha256={SHA256}",
        f"http://{{address}}/files/a%2Bb/{NAME}",
    ],
    ids=["relative", "of the host", "absolute"],
)
def test_a_mirror_has_it_anywhere_and_the_lock_does_not_say_so(there: Upstream, link: str) -> None:
    link = link.replace("{address}", there.server.address)
    page = f"<a href='../../files/pyspark-4.1.0.tar.gz'>old</a>\n<a href=\"{link}\">{NAME}</a>"
    there.serve("simple/pyspark/", page, "text/html")
    for path in (f"files/a%2Bb/{NAME}", f"files/a%2Bb/{NAME}?x=1&y=2"):
        there.serve(path, DATA)
    url = f"http://{there.server.address}/files/a%2Bb/{NAME}"
    found = packages(there, pylock(url), pip=index(there)).resolve(WANTED)
    assert found == ResolvedLine(version="4.1.4", files=(FILE,))


def test_a_build_gets_it_from_the_mirror_once(there: Upstream) -> None:
    there.serve("simple/pyspark/", f'<a href="../../{NAME}">{NAME}</a>', "text/html")
    there.serve(NAME, DATA)
    known = network(pip=index(there))
    fetcher = Fetcher(network=known, folder=there.folder, patience=IMPATIENT)
    files = PipFiles(fetcher=fetcher, mirrors=known.mirrors)
    for _ in range(2):
        assert files.file(FILE).read_bytes() == DATA
    assert [path for _, path in there.server.asked] == ["/simple/pyspark/", f"/{NAME}"]


def test_a_mirror_that_has_it_not(there: Upstream) -> None:
    there.serve("simple/pyspark/", "<a href='pyspark-4.1.0.tar.gz'>old</a>", "text/html")
    known = network(pip=index(there))
    fetcher = Fetcher(network=known, folder=there.folder, patience=IMPATIENT)
    with pytest.raises(MissingError) as caught:
        PipFiles(fetcher=fetcher, mirrors=known.mirrors).file(FILE)
    assert str(caught.value) == (
        f"pip: http://{there.server.address}/simple/pyspark/ does not list {NAME}"
    )


def test_a_mirror_of_the_files_themselves_comes_first(there: Upstream) -> None:
    there.serve(f"pypi-files/{URL.partition('.org/')[2]}", DATA)
    mirrors = mirrored(there.server.address, pip=index(there)).mirrors
    files = PipFiles(fetcher=there.fetcher(), mirrors=mirrors)
    assert files.file(FILE).read_bytes() == DATA


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (pylock(URL, sha256=""), f"the index states no sha256 of {URL}"),
        (
            pylock(f"https://other.example/{NAME}"),
            f"uv has {NAME} of another index than PyPI\n"
            "  hint: name it in matrix.yaml: `network.mirrors: {pip: URL}`",
        ),
        (pylock(URL, wheel="archive"), "provider pypi has no source of pyspark 4.1.4"),
    ],
)
def test_a_source_that_cannot_be_locked(there: Upstream, said: str, message: str) -> None:
    with pytest.raises(StepError) as caught:
        packages(there, said).resolve(WANTED)
    assert str(caught.value) == message


def test_other_files_are_fetched_as_they_are(there: Upstream, tmp_path: Path) -> None:
    there.serve("julia/julia.tar.gz", DATA)
    mirrors = mirrored(there.server.address, pip=index(there)).mirrors
    url = "https://julialang-s3.julialang.org/julia.tar.gz"
    file = RemoteFile(name="julia.tar.gz", url=url, sha256=SHA256)
    assert PipFiles(fetcher=there.fetcher(), mirrors=mirrors).file(file).read_bytes() == DATA
