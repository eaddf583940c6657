"""Settings of JupyterLab in a session. A user's own, in the home directory, come after these."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 - given by Jupyter to the file that it reads

# From the environment rather than the command line, which every process may read.
if os.environ.get("PASSWORD"):
    c.IdentityProvider.token = os.environ["PASSWORD"]

work = Path(os.environ.get("WORKSPACE_DIR", Path.home()))
c.ServerApp.root_dir = str(work if work.is_dir() else Path.cwd())
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash", "-l"]}
