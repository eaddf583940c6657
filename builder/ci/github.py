"""The workflows of GitHub Actions that keep a catalog: plain files, from templates beside this.

How many levels the weekly run has follows from the matrix. What is in each, and on how many
machines, the run itself finds in its plan: sizes may move without a new workflow.
"""

from __future__ import annotations

import jinja2

FOLDER = ".github/workflows"
NAMES = ("weekly.yml", "pr.yml")
COMMAND = "builder workflows"


def workflows(levels: int) -> dict[str, bytes]:
    """Path to content; `levels` is that of `shards.depth`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("builder", "ci/workflows"),
        undefined=jinja2.StrictUndefined,
        # GitHub's own expressions are `${{ … }}`.
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return {
        f"{FOLDER}/{name}": environment.get_template(f"{name}.j2")
        .render(levels=range(levels), command=COMMAND)
        .encode()
        for name in NAMES
    }
