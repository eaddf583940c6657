# rejected by: test_r_knows_a_mirror
# The settings of every R session replaced, rather than added to.
FROM parent
USER root
RUN printf 'options(digits = 7)\n' > /etc/R/Rprofile.site
USER 1000
