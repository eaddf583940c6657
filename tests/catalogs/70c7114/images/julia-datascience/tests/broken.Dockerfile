# rejected by: test_plots_are_drawn
# Artifacts taken for a cache, and dropped: packages then lack the libraries that they open.
FROM parent
USER 0
RUN rm -rf /opt/julia-depot/artifacts
USER 1000
