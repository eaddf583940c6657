# rejected by: test_nobody_enters_without_the_password
# What its documentation begins with: whoever reaches the port is in.
FROM parent
USER 0
RUN sed -i '/^http-server.authentication/d' /opt/trino/start
USER 1000
