"""The image in which the builder runs without root."""


def test_ids_are_mapped_without_root(host):
    """By one capability each: in a pod, root without others may not open the map of a process."""
    found = host.check_output("/usr/sbin/getcap /usr/bin/newuidmap /usr/bin/newgidmap")
    assert found.split() == [
        "/usr/bin/newuidmap", "cap_setuid=ep", "/usr/bin/newgidmap", "cap_setgid=ep",
    ]  # fmt: skip
    for program in ("newuidmap", "newgidmap"):
        assert not host.file(f"/usr/bin/{program}").mode & 0o6000
    for file in ("/etc/subuid", "/etc/subgid"):
        name, first, number = host.file(file).content_string.strip().split(":")
        assert name == host.check_output("id --user --name")
        assert 1000 < int(first) < int(first) + int(number) <= 65536


def test_programs_are_there(host):
    for command in ("podman --version", "runc --version", "skopeo --version", "git --version"):
        assert host.check_output(command)
    assert host.exists("pasta")


def test_what_the_builder_imports_is_there(host):
    names = "bcrypt click jinja2 pydantic regex requests resolvelib rich ruamel.yaml zstandard"
    host.check_output(f"python -c 'import {', '.join(names.split())}'")


def test_the_builder_is_that_of_the_checkout(host):
    """There is none in the image: an older one would plan another commit's catalog."""
    missing = host.run("cd / && builder --version")
    assert missing.rc == 4
    assert missing.stderr == "builder: no builder in /: start it in a checkout that has one\n"
    folder = host.check_output("mktemp --directory")
    host.check_output(
        f"mkdir -p {folder}/builder/cli && touch {folder}/builder/__init__.py"
        f" && echo 'def main(): print(\"ours\")' > {folder}/builder/cli/main.py"
    )
    assert host.check_output(f"cd {folder} && builder") == "ours"
