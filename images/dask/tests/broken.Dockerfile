# rejected by: test_workers_compute
# A scheduler alone: whoever computes waits for ever.
FROM parent
USER 0
RUN sed -i 's/^dask worker/true dask worker/; s/^wait -n$/wait/' /opt/dask/start
USER 1000
