# rejected by: test_variables_name_a_bundle_that_has_it_and_the_public_ones
# The bundle holds the authority of the organisation alone: nothing public is trusted any more.
FROM parent
USER 0
RUN cat /usr/local/share/ca-certificates/*.crt > /etc/ssl/certs/ca-certificates.crt
USER 1000
