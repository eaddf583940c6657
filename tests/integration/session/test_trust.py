"""The recipe `trust` on the starter's images: programs in them reach a server of the authority.

The catalog stands on the starter's, and what is under `trust` is an image that the starter built.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping

import pytest

from builder.testing.pod_runner import free_port
from tests.integration.session.box import Box, boxes_of
from tests.integration.session.servers import Authority, Serving
from tests.integration.starter import Catalog, scratch

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

IMAGES = ("python-minimal", "r-minimal")
MATRIX = """\
extends: {{path: {below}, name: starter}}
catalog: {{name: office, embedded: "127.0.0.1:{port}"}}
images:
  python-minimal: {{top: [trust]}}
  r-minimal: {{top: [trust]}}
"""


@pytest.fixture(scope="module")
def office(starter: Catalog, authority: Authority) -> Iterator[Catalog]:
    """A catalog with the authority's certificate and one line for each image."""
    root = scratch("test-trust-")
    try:
        below = os.path.relpath(starter.root, root)
        (root / "matrix.yaml").write_text(MATRIX.format(below=below, port=free_port()))
        catalog = Catalog(root=root)
        catalog.borrow_tools()
        shutil.copytree(starter.state / "registry", catalog.state / "registry")
        refused = catalog.run("plan")
        assert refused.returncode == 2
        assert "starter:images/trust/Dockerfile.j2:4: template: there is no" in refused.stderr
        (root / "images/trust/files").mkdir(parents=True)
        shutil.copy(authority.bundle, root / "images/trust/files/office.crt")
        for words in (("lock",), ("build", "--engine", "podman")):
            done = catalog.run(*words, *(f"--select={name}" for name in IMAGES))
            assert done.returncode == 0, done.stderr + done.stdout
        # What is under them is what the starter built.
        assert "built 2 targets;" in done.stderr + done.stdout
        yield catalog
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def trusting(office: Catalog) -> Mapping[str, Box]:
    """The images, by name."""
    return boxes_of(office, IMAGES)


@pytest.mark.parametrize(
    ("image", "command"),
    [
        ("python-minimal", "curl --silent --fail {url}/text"),
        (
            "python-minimal",
            "python -c \"import urllib.request as r; print(r.urlopen('{url}/text').read())\"",
        ),
        ("python-minimal", "pip install --index-url {url}/simple/ probe-of-the-mirror"),
        ("python-minimal", "uv pip install --system --index-url {url}/simple/ probe-of-the-mirror"),
        ("r-minimal", "curl --silent --fail {url}/text"),
        ("r-minimal", "Rscript -e 'cat(readLines(\"{url}/text\"))'"),
    ],
)
def test_programs_reach_its_server(
    trusting: Mapping[str, Box],
    boxes: Mapping[str, Box],
    secure_web: Serving,
    image: str,
    command: str,
) -> None:
    name = "mirror.example"  # pip reaches no address over TLS that is not a name
    url = secure_web.url.replace("127.0.0.1", name)
    words = ("bash", "-c", command.format(url=url))
    known = (f"--add-host={name}:127.0.0.1",)
    ended = trusting[image].run(*words, options=known)
    assert ended.status == 0, ended.log
    assert boxes[image].run(*words, options=known).status != 0
