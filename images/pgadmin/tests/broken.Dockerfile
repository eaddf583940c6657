# rejected by: test_a_stranger_is_refused
# As on a desk: who finds the page is its user.
FROM parent
ENV PGADMIN_SERVER_MODE=OFF
