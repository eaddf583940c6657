"""All charts rendered, linted, validated and packaged: the builder against a loop in a shell.

`python -m tests.benchmarks.charts` prints the wall times and their ratio. The loop is what people
write by hand: `helm lint` and yamllint (or `ct lint`, where there is ct), `helm template`,
`kubernetes-validate` and `helm package` for each chart in turn. It is given charts that are
rendered; the builder renders them, too. Both look at default values and one minor of Kubernetes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from builder.catalog.models import Catalog
from builder.charts.helm import CT_SCHEMA, STYLE, Helm, latest_minors
from builder.charts.next_version import files_of
from builder.charts.semver import FIRST
from builder.charts.tools import Tool, Tools
from builder.common.files import write_tree
from builder.common.process import Runner
from builder.project import Workspace

ROOT = Path(__file__).parents[2]
LOOP = """\
set -eu
for chart in "$CHARTS"/*/; do
  if [ -n "$CT" ]; then
    "$CT" lint --charts "$chart" --validate-maintainers=false --check-version-increment=false \\
      --skip-helm-dependencies --chart-yaml-schema "$SCHEMA" --lint-conf "$STYLE"
  else
    helm lint --strict "$chart"
    yamllint --strict --config-file "$STYLE" "$chart/Chart.yaml" "$chart/values.yaml"
  fi
  helm template release "$chart" > "$OUT/manifests.yaml"
  kubernetes-validate --kubernetes-version "$MINOR" --strict "$OUT/manifests.yaml"
  helm package "$chart" --destination "$OUT"
done
"""


@dataclass(frozen=True, kw_only=True)
class Times:
    """Wall times in seconds of the same work on `charts` charts; both lint with `linter`."""

    charts: int
    ours: float
    loop: float
    linter: str

    @property
    def ratio(self) -> float:
        """Ours by that of the loop."""
        return self.ours / self.loop


def measure() -> Times:
    """Do it once each way, from nothing."""
    runner = Runner()
    tools = Tools(runner=runner, folder=ROOT / "build" / "tools")
    program, ct = tools.helm().path, tools.ct()
    catalog = Workspace(ROOT).load().catalog
    linter = ct.path if isinstance(ct, Tool) else None
    with tempfile.TemporaryDirectory(prefix="bench-charts-") as name:
        folder = Path(name)
        helm = Helm(runner=runner, program=program, state=folder / "helm", ct=linter)
        start = time.perf_counter()
        count = by_builder(catalog, helm, folder)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        by_loop(program, folder, linter)
        loop = time.perf_counter() - start
        ours_made, made = (
            {path.name for path in (folder / place).glob("*.tgz")} for place in ("ours", "loop")
        )
    assert len(made) == count, made
    assert ours_made == made
    said = f"ct {ct.version}" if isinstance(ct, Tool) else f"no ct: {ct.reason}"
    return Times(charts=count, ours=ours, loop=loop, linter=said)


def by_builder(catalog: Catalog, helm: Helm, folder: Path) -> int:
    """As the builder's steps do it, as many at once as there are processors; how many charts."""

    def make(name: str) -> None:
        chart = folder / "charts" / name
        image = f"registry.example.org/{catalog.matrix.charts[name].image}:x1.0.0-2026.01.05"
        write_tree(chart, files_of(catalog, name, [image], FIRST))
        helm.check(chart, minors=latest_minors(1), glob="default-values.yaml")
        helm.package(chart, folder / "ours")

    names = list(catalog.matrix.charts)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(make, names))
    return len(names)


def by_loop(helm: Path, folder: Path, ct: Path | None) -> None:
    """As a script does it, on what was rendered."""
    (folder / "loop").mkdir()
    for name, text in (("style.yaml", STYLE), ("schema.yaml", CT_SCHEMA)):
        (folder / name).write_text(text + "\n")
    path = (str(helm.parent), str(Path(sys.executable).parent), os.environ["PATH"])
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "CHARTS": str(folder / "charts"),
        "OUT": str(folder / "loop"),
        "MINOR": latest_minors(1)[0],
        "STYLE": str(folder / "style.yaml"),
        "SCHEMA": str(folder / "schema.yaml"),
        "CT": str(ct or ""),
    }
    done = subprocess.run(
        ["sh", "-c", LOOP], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"the loop failed:\n{done.stdout}{done.stderr}")


def main() -> int:
    """Print the figures; 1 where the loop is faster."""
    times = measure()
    print(f"{times.charts} charts: builder {times.ours:.1f} s, loop {times.loop:.1f} s")
    print(f"ratio {times.ratio:.2f}; {times.linter}")
    return 0 if times.ratio < 1 else 1


if __name__ == "__main__":
    sys.exit(main())
