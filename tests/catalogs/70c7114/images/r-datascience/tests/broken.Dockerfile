# rejected by: test_geometry_and_rasters
# A "cleanup" that takes what PROJ knows of coordinate systems with it.
FROM parent
USER 0
RUN rm -rf /usr/share/proj
USER 1000
