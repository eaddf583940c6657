# rejected by: test_a_stranger_is_refused
# The server as its documentation begins.
FROM parent
USER 0
RUN sed -i 's/, "--app-name=basic-auth"//' /opt/mlflow/start
USER 1000
