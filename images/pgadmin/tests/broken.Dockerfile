# rejected by: test_a_restart_keeps_users_and_takes_a_new_password
# As pgAdmin itself does: the first password stays, whatever the environment says later.
FROM parent
USER 0
RUN sed -i 's/    if not verify_password(.*/    if False:/' /opt/pgadmin/start
USER 1000
