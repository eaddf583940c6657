# rejected by: test_duckdb_reads_parquet_from_s3
# DuckDB's extensions, taken away to save room: it would fetch them in each session.
FROM parent
USER 0
RUN rm -r /opt/duckdb/extensions/*/*/httpfs.duckdb_extension
USER 1000
