# rejected by: test_it_does_not_run_as_root
FROM parent
USER 0
