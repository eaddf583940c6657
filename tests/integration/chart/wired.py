"""A chart run from its own manifests, with everything that it is wired to: real servers here."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3

from builder.app.app import App
from builder.charts.next_version import files_of
from builder.common.files import write_tree
from builder.testing.interfaces import ChartRequest, TestCounts
from builder.testing.pod_runner import free_port
from tests.integration.session.servers import (
    Answer,
    Application,
    Request,
    authority,
    git,
    mirror,
    project,
    proxy,
    s3,
    serve,
    vault,
)

MIRROR = "https://mirror.example"
GIT_TOKEN, VAULT_TOKEN, PASSWORD = "gl'pat\"1", "hvs.t\"o'k", "p4ss 'w\"ord"
OBJECT = "read from the store"
KEYS = ("AKIA", "s'e\"cret")

# Run at the start of the session, in its environment: what it finds goes to $1, a line for each.
JOB = """\
cd "$ONYXIA_PROJECT_DIRECTORY"
found() { printf '%s=%s\\n' "$1" "$2"; }
query="SELECT content FROM read_text('s3://data/greeting.txt')"
{
    found project "$(cat file)"
    found vault "$FROM_VAULT"
    found duckdb "$(duckdb -noheader -list -c "$query")"
    if python -c 'import boto3' 2> /dev/null; then
        found python "$(python - << 'END'
import boto3
print(boto3.client("s3").get_object(Bucket="data", Key="greeting.txt")["Body"].read().decode())
END
)"
    elif command -v python > /dev/null; then
        found python "$(python -c 'import subprocess as s, sys; print(s.check_output(
            ["duckdb", "-noheader", "-list", "-c", sys.argv[1]], text=True).strip())' "$query")"
    fi
    if command -v Rscript > /dev/null; then
        found r "$(QUERY=$query Rscript -e 'cat(system2("duckdb", c("-noheader", "-list", "-c",
            shQuote(Sys.getenv("QUERY"))), stdout = TRUE))')"
    fi
} | curl --silent --show-error --fail --data-binary @- "$1"
"""


@dataclass(frozen=True, kw_only=True)
class Wired:
    """What a chart is told of the servers, and what its session reported to one of them."""

    values: Mapping[str, Any]
    reports: list[str]
    proxied: list[Request]

    @property
    def found(self) -> dict[str, str]:
        """What the session reported, by name."""
        return dict(line.split("=", 1) for text in self.reports for line in text.splitlines())


@contextlib.contextmanager
def store() -> Iterator[str]:
    """An S3 server that holds one object: its URL."""
    with s3() as url:
        client = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1",
            aws_access_key_id=KEYS[0], aws_secret_access_key=KEYS[1],
            config=boto3.session.Config(s3={"addressing_style": "path"}, proxies={}),
        )  # fmt: skip
        client.create_bucket(Bucket="data")
        client.put_object(Bucket="data", Key="greeting.txt", Body=OBJECT.encode())
        yield url


def reporting(reports: list[str]) -> Application:
    """Takes what is posted to it."""

    def answer(request: Request) -> Answer:
        reports.append(request.body.decode())
        return Answer()

    return answer


@contextlib.contextmanager
def servers(folder: Path, port: int) -> Iterator[Wired]:
    """S3, Vault, git, a proxy that is the only way to some of them, and an authority."""
    project(folder)
    ca = authority(folder)
    site = mirror({"/job.sh": JOB.encode()}, git(folder, token=GIT_TOKEN))
    secrets = {"ann/session": {"FROM_VAULT": "kept in Vault"}}
    known = vault(token=VAULT_TOKEN, secrets=secrets, role="", jwt="")
    reports: list[str] = []
    with (
        store() as objects,
        serve(known) as kv,
        serve(site, tls=ca.server) as far,
        serve(proxy(far.port)) as way,
        serve(reporting(reports)) as report,
    ):
        values = {
            "networking": {"service": {"port": port}},
            "security": {"password": PASSWORD},
            "s3": {
                "endpoint": objects, "accessKeyId": KEYS[0], "secretAccessKey": KEYS[1],
                "defaultRegion": "us-east-1", "pathStyleAccess": True,
            },
            "vault": {
                "url": kv.url, "token": VAULT_TOKEN, "mount": "kv", "directory": "ann",
                "secret": "/session",
            },
            "git": {
                "repository": f"{MIRROR}/project.git", "token": GIT_TOKEN, "name": "Ann",
                "email": "ann@example.org", "tokenHosts": "mirror.example",
            },
            "proxy": {
                "enabled": True, "httpProxy": way.url, "httpsProxy": way.url,
                "noProxy": "127.0.0.1,localhost",
            },
            "certificates": {"cacerts": ca.bundle.read_text()},
            "init": {"personalInit": f"{MIRROR}/job.sh", "personalInitArgs": report.url},
        }  # fmt: skip
        yield Wired(values=values, reports=reports, proxied=way.requests)


def run_wired(
    app: App,
    chart: str,
    image: str,
    folder: Path,
    log: Path,
    more: Mapping[str, Any] | None = None,
) -> tuple[Wired, TestCounts]:
    """Run a chart on an image, wired, through its own suite and the pod of `helm test`.

    `more` are values beside.
    """
    catalog = app.catalog
    recipe = catalog.charts[catalog.matrix.charts[chart].recipe]
    write_tree(folder / chart, files_of(catalog, chart, [image], "1.0.0"))
    port = free_port()
    (folder / "git").mkdir()
    with servers(folder / "git", port) as wired:
        values = folder / "values.json"
        values.write_text(json.dumps({**wired.values, **(more or {})}))
        manifests = app.adapters.helm.template(folder / chart, release="r-1", values=values)
        request = ChartRequest(
            chart=chart, manifests=manifests, password=PASSWORD, suite=Path(recipe.tests),
            port=port, is_on_host=True, junit=folder / f"{chart}.xml", log=log, timeout=900,
        )  # fmt: skip
        counts = app.adapters.chart_runner.run(request)
        return replace(wired, reports=list(wired.reports)), counts
