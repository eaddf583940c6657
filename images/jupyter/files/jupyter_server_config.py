"""Settings of JupyterLab in a session. A user's own, in the home directory, come after these."""

import os
from pathlib import Path
from urllib.parse import quote

c = get_config()  # noqa: F821 - given by Jupyter to the file that it reads

# From the environment rather than the command line, which every process may read.
if os.environ.get("PASSWORD"):
    c.IdentityProvider.token = os.environ["PASSWORD"]

work = Path(os.environ.get("WORKSPACE_DIR", Path.home()))
root = work if work.is_dir() else Path.cwd()
c.ServerApp.root_dir = str(root)

# Opened on the project that the start of the session cloned.
project = Path(os.environ.get("ONYXIA_PROJECT_DIRECTORY", root))
if project != root and project.is_dir() and project.is_relative_to(root):
    c.ServerApp.preferred_dir = str(project)
    c.LabApp.default_url = f"/lab/tree/{quote(project.relative_to(root).as_posix())}"

# The theme of whoever has not chosen one: a folder with overrides.json.
if os.environ.get("DARK_MODE") == "true":
    c.LabApp.app_settings_dir = "/etc/jupyter/dark"
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash", "-l"]}
