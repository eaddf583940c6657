# rejected by: test_user_installs_and_removes_packages
# A package installed by root, who then owns part of the user's environment.
FROM parent
USER root
RUN chown -R root:root /opt/python/bin /opt/python/lib
USER 1000
