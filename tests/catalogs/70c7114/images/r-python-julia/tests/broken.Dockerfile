# rejected by: test_r_calls_python
# R left to find a Python by itself: it takes another than the session's.
FROM parent
ENV RETICULATE_PYTHON=/usr/bin/python3
