# rejected by: test_mc_runs_and_is_the_release_of_the_recipe
# A file that is no program.
FROM parent
USER 0
RUN echo > /opt/mc/mc
USER 1000
