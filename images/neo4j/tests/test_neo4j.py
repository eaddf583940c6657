"""Neo4j as its makers publish it."""


def test_it_is_the_locked_version(host, facts):
    assert facts["versions"]["neo4j"] in host.check_output("neo4j --version")
