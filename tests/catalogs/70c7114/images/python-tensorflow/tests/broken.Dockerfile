# rejected by: test_packages_of_tensorflow_fit_together
# A package that TensorFlow needs, taken away to save room.
FROM parent
RUN /opt/python/bin/pip uninstall --yes keras
USER 1000
