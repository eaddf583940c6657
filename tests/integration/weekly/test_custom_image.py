"""The chart of RStudio on an image with the layout of the official one.

RStudio itself is not there: a stand-in takes the place of its server, behind an `/init` that runs
as root, takes PASSWORD and goes on as the user, as the init of the official image does.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from builder.app.app import App
from builder.charts.next_version import files_of
from builder.common.files import write_tree
from builder.engines.interfaces import BuildRequest
from builder.oci.reference import parse
from builder.testing.interfaces import ChartRequest
from tests.integration.chart.conftest import catalog
from tests.integration.starter import Catalog, scratch

PASSWORD = "p4ss 'w\"ord"
DOCKERFILE = """\
FROM parent
USER 0
COPY --chmod=0755 init /init
RUN rm -r /opt/onyxia /opt/onyxia-init.sh
COPY --chmod=0755 onyxia-init.sh /opt/onyxia-init.sh
ENTRYPOINT []
"""
PREPARE = '#!/bin/bash\necho "prepared by the image" >&2\nexec "$@"\n'
# As that of s6, it runs as the first process alone.
INIT = """\
#!/usr/bin/env python3
import http.server, json, os
assert (os.getpid(), os.getuid()) == (1, 0), "not the first process of root"
os.setgid(100)
os.setuid(1000)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers.get("X-Password") == os.environ["PASSWORD"]
        body = json.dumps({"uid": os.getuid(), "image": os.environ["IMAGE_NAME"]}).encode()
        self.send_response(200 if known or self.path == "/auth-sign-in" else 302)
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("", 8787), Page).serve_forever()
"""
SUITE = """\
def test_the_password_opens_it(client, facts):
    stranger = client(facts["url"]).wait("/auth-sign-in")
    assert stranger.get("/").status_code == 302
    known = client(facts["url"], headers={"X-Password": facts["password"]}).get("/")
    assert known.json() == {"uid": 1000, "image": IMAGE}
"""


def test_an_image_of_the_official_layout_starts_with_its_own_init(
    starter: Catalog, tmp_path: Path
) -> None:
    app = starter.session()
    with app.registry():
        base = parse(app.catalog.matrix.repository_of("jupyter-python")).with_tag("latest")
        digest = app.adapters.store.digest(base)
        assert digest is not None
        image = parse(app.catalog.matrix.repository_of("course")).with_tag("1")
        context = tmp_path / "context"
        files = {"Dockerfile": DOCKERFILE, "init": INIT, "onyxia-init.sh": PREPARE}
        write_tree(context, {name: text.encode() for name, text in files.items()})
        place = scratch("test-custom-")
        try:
            built = app.adapters.engine.build(
                BuildRequest(
                    id="course", context=context, contexts={"parent": base.at(digest)},
                    platform="linux/amd64", epoch=0, layout=place / "layout", log=place / "log",
                )
            )  # fmt: skip
            app.adapters.store.push(built.layout, image)
            app.adapters.engine.drop(built.local)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        counts = app.adapters.chart_runner.run(request(app, str(image), tmp_path))
    # The one of the suite, and that of `helm test`.
    assert (counts.passed, counts.failed) == (2, 0)
    assert "prepared by the image" in (tmp_path / "log").read_text()


def request(app: App, image: str, folder: Path) -> ChartRequest:
    """The chart of RStudio on a custom image, and a suite of one test."""
    write_tree(
        folder / "rstudio", files_of(catalog(), "rstudio", ["registry.example/x:1"], "1.0.0")
    )
    values = folder / "values.json"
    custom = {"enabled": True, "version": image}
    values.write_text(
        json.dumps({"service": {"image": {"custom": custom}}, "security": {"password": PASSWORD}})
    )
    suite = folder / "suite"
    write_tree(suite, {"test_course.py": f"IMAGE = {image!r}\n\n\n{SUITE}".encode()})
    return ChartRequest(
        chart="rstudio", manifests=app.adapters.helm.template(
            folder / "rstudio", release="r-1", values=values
        ),
        password=PASSWORD, suite=suite, port=8787, junit=folder / "junit.xml",
        log=folder / "log", timeout=300,
    )  # fmt: skip
