# rejected by: test_a_database_that_is_given_is_never_replaced_by_the_own_one
# A metastore that goes on with a database of its own where the given one cannot be had.
FROM parent
USER 0
RUN sed -i 's/^if \[ -n .*PGHOST:-.*\]/if false/' /opt/hive/start
USER 1000
