# rejected by: test_duckdb_reads_parquet_from_s3
# Another DuckDB, for which there is no extension in the image.
FROM parent
RUN --mount=type=secret,id=env,mode=0444 \
    --mount=type=secret,id=ca,mode=0444 \
    if [ -r /run/secrets/env ]; then . /run/secrets/env; fi; \
    /opt/python/bin/pip install --no-input --no-cache-dir --no-deps 'duckdb==1.5.4'
USER 1000
