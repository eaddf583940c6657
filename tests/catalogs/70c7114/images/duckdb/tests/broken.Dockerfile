# rejected by: test_the_extension_for_s3_loads
# The extensions left behind: DuckDB would then fetch them at each start, or fail to.
FROM parent
USER 0
RUN rm -r /opt/duckdb/extensions
USER 1000
