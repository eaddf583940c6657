"""Settings of JupyterLab in a session. A user's own, in the home directory, come after these."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 - given by Jupyter to the file that it reads

# From the environment rather than the command line, which every process may read.
if os.environ.get("PASSWORD"):
    c.IdentityProvider.token = os.environ["PASSWORD"]

work = Path(
    os.environ.get("ROOT_PROJECT_DIRECTORY") or os.environ.get("WORKSPACE_DIR") or Path.home()
)
root = work if work.is_dir() else Path.cwd()
c.ServerApp.root_dir = str(root)
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash", "-l"]}

# The project that was cloned is where the file browser begins.
project = Path(os.environ.get("ONYXIA_PROJECT_DIRECTORY") or root)
if project.is_dir() and project.is_relative_to(root) and project != root:
    c.FileContentsManager.preferred_dir = project.relative_to(root).as_posix()
