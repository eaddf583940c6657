# rejected by: test_the_extension_is_the_version_of_the_lock
# A folder without what says what it is.
FROM parent
USER 0
RUN rm /opt/extensions/*/package.json
USER 1000
