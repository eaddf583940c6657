"""Each certificate of the authority is one that programs trust, and none of theirs is lost."""

import pytest

FOLDER = "/usr/local/share/ca-certificates"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
JAVA = "/etc/ssl/certs/java/cacerts"

# What Python trusts by itself, by the hash of each.
OF_PYTHON = (
    "import hashlib, ssl; context = ssl.create_default_context();"
    " print(*(hashlib.sha256(der).hexdigest() for der in context.get_ca_certs(True)))"
)


def certificates(host):
    """The SHA-256 of each certificate of the recipe, by its file."""
    files = host.check_output(f"ls {FOLDER}/*.crt").split()
    read = "openssl x509 -noout -fingerprint -sha256 -in"
    return {file: host.check_output(f"{read} {file}").partition("=")[2] for file in files}


def test_each_certificate_is_one_in_pem(host):
    found = certificates(host)
    assert found
    for file in found:
        assert host.check_output(f"grep -c BEGIN.*CERTIFICATE {file}") == "1", file


def test_the_system_trusts_it(host):
    for file in certificates(host):
        assert host.run(f"openssl verify -CApath /etc/ssl/certs {file}").rc == 0, file


def test_variables_name_a_bundle_that_has_it_and_the_public_ones(host):
    told = host.check_output("env").splitlines()
    names = ("CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE")
    for name in (*names, "SSL_CERT_FILE"):
        assert f"{name}={BUNDLE}" in told
    for file in certificates(host):
        assert host.run(f"openssl verify -no-CApath -CAfile {BUNDLE} {file}").rc == 0, file
    assert int(host.check_output(f"grep -c BEGIN {BUNDLE}")) > 100


def test_python_trusts_it(host, facts):
    if "python" not in facts["axes"]:
        pytest.skip("it has no Python")
    known = host.check_output(f"python -c '{OF_PYTHON}'").split()
    for file, digest in certificates(host).items():
        assert digest.replace(":", "").lower() in known, file


def test_java_trusts_it(host):
    if not host.file(JAVA).exists:
        pytest.skip("it has no Java")
    known = host.check_output(f"keytool -list -keystore {JAVA} -storepass changeit")
    assert known.count("trustedCertEntry") > 100
    for file, digest in certificates(host).items():
        assert digest in known, file
