"""MongoDB as its chart starts it: the password of the chart opens it, and no other."""


def ask(host, text, password):
    return host.run(f"mongosh --quiet -u root -p {password} --eval '{text}'")


def test_the_password_of_the_chart_opens_it(host, facts):
    assert ask(host, "db.runCommand({connectionStatus: 1}).ok", '"$PASSWORD"').stdout.strip() == "1"


def test_another_password_does_not(host):
    assert ask(host, "db.stats()", "changeme").rc != 0
