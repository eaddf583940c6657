# rejected by: test_julia_runs
# Libraries that "nothing links", removed to save space: Julia opens them by name.
FROM parent
USER 0
RUN find /opt/julia/lib -name 'libLLVM*' -delete
USER 1000
