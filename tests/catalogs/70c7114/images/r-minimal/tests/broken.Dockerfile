# rejected by: test_user_installs_packages
# One library for everybody, which only root may write.
FROM parent
ENV R_LIBS_USER=/usr/local/lib/R/site-library
