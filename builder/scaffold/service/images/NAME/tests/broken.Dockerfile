# rejected by: test_the_service_answers
FROM parent
USER 0
RUN rm /srv/$name/index.html
USER 1000
