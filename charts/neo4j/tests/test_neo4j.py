"""Neo4j as its chart starts it: the password of the chart opens it, and no other."""


def ask(host, password):
    return host.run(f"cypher-shell -u neo4j -p {password} 'return 1'")


def test_the_password_of_the_chart_opens_it(host):
    assert ask(host, '"$PASSWORD"').rc == 0


def test_another_password_does_not(host):
    assert ask(host, "changeme").rc != 0
