# rejected by: test_the_password_is_the_session_s
# Any password will do, "because the ingress asks for one".
FROM parent
USER 0
RUN printf '#!/bin/sh\nexit 0\n' > /opt/rstudio/check-password
USER 1000
