"""What smoke tests are given: pytest's plugin in the child process that `pytest_runner` starts."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

from builder.common.process import Runner
from builder.testing.browser import HINT, MISSING, Page, chromium
from builder.testing.browser import browser as open_browser
from builder.testing.http_client import Client
from builder.testing.http_client import wait_for as wait_until


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line("markers", "last: runs after all others, because it ends the container")
    config.addinivalue_line("markers", "gpu: uses a GPU, where the container was given one")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that end the container after all others, whichever suite they are in."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def facts() -> dict[str, Any]:
    """What the image is to be compared with: see `interfaces.SmokeRequest`."""
    loaded: dict[str, Any] = json.loads(Path(os.environ["BUILDER_FACTS"]).read_text("utf-8"))
    return loaded


@pytest.fixture(scope="session")
def host() -> Host:
    """The container. testinfra's own fixture would put its random id into the names of tests."""
    return testinfra.get_host(os.environ["BUILDER_HOST"])


@pytest.fixture(scope="session")
def address(facts: dict[str, Any]) -> Callable[[int], str]:
    """`address(port)`: where a port of the container is reached from here, as `host:port`."""
    return lambda port: f"127.0.0.1:{facts['ports'][str(port)]}"


@pytest.fixture(scope="session")
def url(address: Callable[[int], str]) -> Callable[[int], str]:
    """`url(port)`: the same, as the start of a URL."""
    return lambda port: f"http://{address(port)}"


@pytest.fixture(scope="session")
def client() -> type[Client]:
    """`client(url)`: a browser without JavaScript, new, at an address."""
    return Client


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., None]:
    """`wait_for("what it is", condition, seconds=60)`: wait until the condition holds."""
    return wait_until


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Page]:
    """A page of a browser on this machine; skips where there is none."""
    if chromium() is None:
        pytest.skip(f"{MISSING}: {HINT}")
    with open_browser(Runner(), tmp_path / "chromium") as page:
        yield page


@pytest.fixture
def open_terminal(browser: Page) -> Callable[[], None]:
    """`open_terminal()`: one in the page, which is the workbench of VS Code."""

    def opened() -> None:
        # By the list of commands, as no layout of a keyboard changes that.
        browser.press("F1", code=112)
        browser.wait("document.activeElement.matches('.quick-input-widget input')", seconds=60)
        browser.type("Terminal: Create New Terminal")
        browser.wait(
            "document.querySelector('.quick-input-list .monaco-list-row').textContent"
            ".includes('Create New Terminal')",
            seconds=60,
        )
        browser.press("Enter", code=13)
        browser.wait("document.activeElement.matches('.xterm-helper-textarea')", seconds=120)
        time.sleep(2)  # bash draws

    return opened


@pytest.fixture(scope="session")
def picture(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """`picture(name)`: where a picture is kept, beside the results."""
    results = Path(pytestconfig.option.xmlpath)
    return lambda name: results.with_name(f"{results.stem}.{name}.png")


S3_FOLDER = "/tmp/smoke-s3"


@pytest.fixture(scope="session")
def s3(host: Host) -> dict[str, str]:
    """A small S3 inside the container, with a bucket `data`: the environment that names it.

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
