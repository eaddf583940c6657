# rejected by: test_a_wrong_password_is_refused
# What makes every tutorial work at once.
FROM parent
USER 0
RUN sed -i 's/^requirepass.*/protected-mode no/' /opt/valkey/start
USER 1000
