# rejected by: test_torch_is_the_version_of_the_lock
# An upgrade of the user's, frozen into the image.
FROM parent
RUN sed -i 's/^__version__ = .*/__version__ = "99.0"/' /opt/python/lib/python3.*/site-packages/torch/version.py
USER 1000
