"""The fixtures of smoke tests: a pytest plugin of the child process of `pytest_runner`."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import testinfra
from testinfra.host import Host

from builder.common.skipped_tests import FILE, skipped_tests
from builder.testing import checks as shared_checks
from builder.testing.browser import HINT, MISSING, chromium, open_page
from builder.testing.http_client import Client
from builder.testing.http_client import wait_for as wait_until
from builder.testing.second_server import SecondServer

if TYPE_CHECKING:
    from playwright.sync_api import Page


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line("markers", "last: runs after all others, because it ends the container")
    config.addinivalue_line("markers", "gpu: uses a GPU, where the container was given one")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what suites leave out, and run the tests that end the container after all others."""
    for folder in map(Path, config.args):
        _skip(folder, [item for item in items if item.path.is_relative_to(folder)])
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


def _skip(folder: Path, items: list[pytest.Item]) -> None:
    """Mark the tests that the list of a suite names as not to be run, with its reasons."""
    if not (folder / FILE).is_file():
        return
    listed = skipped_tests((folder / FILE).read_text(encoding="utf-8"))
    reasons = {item.name: item.reason for item in listed}
    for item in items:
        name = getattr(item, "originalname", item.name)
        if name in reasons:
            item.add_marker(pytest.mark.skip(reason=reasons[name]))


@pytest.fixture(scope="session")
def facts() -> dict[str, Any]:
    """Read the facts to compare the image with: see `interfaces.SmokeRequest`."""
    loaded: dict[str, Any] = json.loads(Path(os.environ["BUILDER_FACTS"]).read_text("utf-8"))
    return loaded


@pytest.fixture(scope="session")
def host() -> Host:
    """Connect to the container. testinfra's own fixture puts its random id into names of tests."""
    return testinfra.get_host(os.environ["BUILDER_HOST"])


@pytest.fixture(scope="session")
def address(facts: dict[str, Any]) -> Callable[[int], str]:
    """`address(port)` returns where this machine reaches a port of the container: `host:port`."""
    return lambda port: f"127.0.0.1:{facts['ports'][str(port)]}"


@pytest.fixture(scope="session")
def url(address: Callable[[int], str]) -> Callable[[int], str]:
    """`url(port)` returns the same as the beginning of a URL."""
    return lambda port: f"http://{address(port)}"


@pytest.fixture(scope="session")
def client() -> type[Client]:
    """`client(url)` makes a new HTTP client of an address."""
    return Client


@pytest.fixture(scope="session")
def checks() -> ModuleType:
    """Return `builder.testing.checks`, with the checks that several images and charts share."""
    return shared_checks


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., None]:
    """`wait_for("name of it", condition, seconds=60)` waits until the condition holds."""
    return wait_until


@pytest.fixture
def second_server() -> Iterator[Callable[..., SecondServer]]:
    """`second_server(command, port=…, ready="/path")` makes a SecondServer, which is removed."""
    with ExitStack() as undo:

        def made(command: str, **about: Any) -> SecondServer:
            found = SecondServer(command, **about)
            undo.callback(found.remove)
            return found

        yield made


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """Open an empty page in Chromium: a `Page` of Playwright. Skips where there is no Chromium."""
    if chromium() is None:
        pytest.skip(f"{MISSING}: {HINT}")
    with open_page(tmp_path / "chromium") as opened:
        yield opened


@pytest.fixture
def open_terminal(page: Page) -> Callable[[], None]:
    """`open_terminal()` opens a terminal in the page, which is the workbench of VS Code."""

    def opened() -> None:
        # The list of commands does not depend on the layout of the keyboard.
        page.keyboard.press("F1")
        page.locator(".quick-input-widget input:focus").wait_for()
        page.keyboard.insert_text("Terminal: Create New Terminal")
        first = page.locator(".quick-input-list .monaco-list-row").first
        first.filter(has_text="Create New Terminal").wait_for()
        page.keyboard.press("Enter")
        page.locator(".xterm-helper-textarea:focus").wait_for(state="attached", timeout=120_000)
        time.sleep(2)  # bash prints its prompt

    return opened


@pytest.fixture(scope="session")
def picture(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """`picture(name)` returns the path of a picture, beside the results."""
    results = Path(pytestconfig.option.xmlpath)
    return lambda name: results.with_name(f"{results.stem}.{name}.png")


S3_FOLDER = "/tmp/smoke-s3"


@pytest.fixture(scope="session")
def s3(host: Host) -> dict[str, str]:
    """Start a small S3 inside the container, with a bucket `data`; return its environment.

    The objects are the files below S3_FOLDER/data.
    """
    port, key = 9123, "SMOKE"
    code = base64.b64encode(Path(__file__).with_name("s3_server.py").read_bytes()).decode()
    host.check_output(
        f"mkdir -p {S3_FOLDER}/data && echo {code} | base64 -d > {S3_FOLDER}.py && "
        f"{{ nohup python3 {S3_FOLDER}.py {port} {S3_FOLDER} {key} >{S3_FOLDER}.log 2>&1 & }}; "
        "for _ in $(seq 50); do curl -s --noproxy '*' -o /dev/null "
        f"http://127.0.0.1:{port}/ && exit 0; sleep 0.2; done; cat {S3_FOLDER}.log; exit 1"
    )
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_S3_ENDPOINT": f"127.0.0.1:{port}",
        "AWS_PATH_STYLE_ACCESS": "true",
    }
