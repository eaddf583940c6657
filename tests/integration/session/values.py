"""Values that break what is quoted badly, and a proof that nothing of them was run."""

from __future__ import annotations

import os
from pathlib import Path

CANARY = Path("/tmp/onyxia-canary" + os.environ.get("PYTEST_XDIST_WORKER", ""))
"""Where every command in a hostile value would leave a file: one for each process of tests."""

_RUN = f"touch {CANARY}"

WORD = f"""a'b"c$({_RUN})`{_RUN}`${{HOME}}$HOME{{{{x}}}};{_RUN};';--\\é€😀%s%41&|<>*#!~?"""
"""All that is hostile on one line, without white space at its ends."""

TEXT = f"""\
{WORD}
'; {_RUN} #
"; {_RUN} #
') ; SELECT 1; --
\\'; {_RUN}; \\"
EOF
\tindented \\n \\t \\\\ \r end
"""
"""The same on many lines, with a tab, a carriage return and a line break at its end."""


def hostile(name: str) -> str:
    """A value of its own for each variable."""
    return f"{name}:{TEXT}"
