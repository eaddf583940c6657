# rejected by: test_jupyterlab_refuses_without_its_token
# The token switched off, to spare users a form.
FROM parent
USER root
RUN printf 'c.IdentityProvider.token = ""\n' >> /etc/jupyter/jupyter_server_config.py
USER 1000
