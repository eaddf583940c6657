# rejected by: test_a_page_is_rendered
# The templates of formats, taken for examples.
FROM parent
USER 0
RUN rm -rf /opt/quarto/share/formats
USER 1000
