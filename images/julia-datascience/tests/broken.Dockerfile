# rejected by: test_packages_load_without_being_compiled
# Sources that are newer than what was compiled from them, as after a careless copy.
FROM parent
USER 0
RUN find /opt/julia-depot/packages -name '*.jl' -exec sh -c 'echo >> "$1"' _ {} \;
USER 1000
