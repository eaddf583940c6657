# rejected by: test_the_password_stands_on_no_command_line
# The option that everybody finds first.
FROM parent
USER 0
# hadolint ignore=SC2016
RUN printf '%s\n' '#!/bin/sh' \
    'exec marimo edit --headless --token-password="$PASSWORD" "$@" "$PWD"' \
    > /usr/local/bin/marimo-session
USER 1000
