# rejected by: test_user_compiles_a_package
# One depot for everybody, which only root may write.
FROM parent
ENV JULIA_DEPOT_PATH=/opt/julia-depot
