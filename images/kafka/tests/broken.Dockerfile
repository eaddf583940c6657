# rejected by: test_a_wrong_password_is_refused
# What most tutorials do: whoever reaches the port is in.
FROM parent
USER 0
RUN sed -i 's/CLIENT:SASL_PLAINTEXT/CLIENT:PLAINTEXT/' /opt/kafka/start
USER 1000
