# rejected by: test_kubectl_runs
# A page that says why there is no program, kept under the program's name.
FROM parent
USER 0
RUN printf '<html>404</html>\n' > /opt/kubernetes-tools/kubectl
USER 1000
