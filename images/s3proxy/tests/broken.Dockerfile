# rejected by: test_nobody_enters_without_the_key
# What its documentation begins with: whoever reaches the port is in.
FROM parent
USER 0
RUN sed -i 's/^s3proxy.authorization=.*/s3proxy.authorization=none/' /opt/s3proxy/start
USER 1000
