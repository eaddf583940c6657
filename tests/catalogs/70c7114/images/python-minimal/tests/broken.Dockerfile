# rejected by: test_user_installs_and_removes_packages
# A package installed by root, who then owns part of the user's environment.
FROM parent
USER 0
RUN chown -R root:root /opt/python/bin /opt/python/lib
USER 1000
