"""The macros for bytecode, as the shell of a RUN has them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from builder.catalog.models import Recipe
from builder.catalog.recipe import BuildVariables
from builder.plan.dockerfile import DockerfileRenderer
from builder.project import SHARED


def script(text: str, folder: Path) -> str:
    """Return what a RUN of these macros has the shell do; its scratch folder is `folder`."""
    macros = {"bytecode.j2": (SHARED / "macros/bytecode.j2").read_text()}
    renderer = DockerfileRenderer(macros=macros, macros_path="m", sources={})
    dockerfile = f"FROM {{{{ parent }}}}\nRUN {text}\n"
    recipe = Recipe(name="x", summary="", dockerfile=dockerfile, dockerfile_path="x.j2")
    variables = BuildVariables(axes={}, providers={}, versions={}, inputs=())
    run = renderer.render(recipe, variables).text.partition("RUN ")[2]
    return run.replace("/tmp/bytecode.py", str(folder / "bytecode.py"))


def make_normal(folder: Path, compiler: str, python: str = sys.executable) -> None:
    """Run the macros around a command that compiles, as an installation does."""
    command = script(
        f"set -e; {{{{ bytecode_program() }}}}; sleep 0.02; {compiler};\n"
        f"{{{{ normal_bytecode('{python}', '{folder}') }}}}",
        folder,
    )
    time.sleep(0.02)  # on a clock that ticks slowly, what is older has another time too
    subprocess.run(["sh", "-c", command], check=True, timeout=3000)
    assert not (folder / "bytecode.py").exists()
