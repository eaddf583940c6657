"""What $name promises, tried in a container of it before anybody can pull it."""


def test_the_service_answers(client, url):
    client(url(8080)).wait("/")
    assert "$title works" in client(url(8080)).get("/").text


def test_it_does_not_run_as_root(host):
    assert host.check_output("id -u") == "1000"
