# rejected by: test_user_writes_nowhere_else
# Permissions opened "for now", to get round an error.
FROM parent
USER 0
RUN chmod 0777 /opt /etc/profile.d
USER 1000
