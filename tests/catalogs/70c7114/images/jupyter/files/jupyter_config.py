"""Settings of every Jupyter program in a session."""

import sys
from pathlib import Path

c = get_config()  # noqa: F821 - given by Jupyter to the file that it reads

# Jupyter offers the Python it runs on, even where the image does not offer Python.
c.KernelSpecManager.ensure_native_kernel = Path(
    sys.prefix, "share", "jupyter", "kernels", "python3"
).is_dir()
