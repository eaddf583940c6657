"""Each variable of the contract, and exactly what is said of it."""

from __future__ import annotations

import re

import pytest

from tests.integration.session.host import PATH, Host
from tests.integration.session.servers import Authority

NOTHING = {
    "session directory": "done ({session})",
    "home": "done ({home})",
    "work directory": "done",
    "proxies": "skipped (HTTP_PROXY, HTTPS_PROXY and NO_PROXY are unset)",
    "certificates": "skipped (PATH_TO_CA_BUNDLE is unset)",
    "region script": "skipped (REGION_INIT_SCRIPT is unset)",
    "vault": "skipped (VAULT_RELATIVE_PATH is unset)",
    "kubernetes": "skipped (there is no service account)",
    "S3": "skipped (AWS_ACCESS_KEY_ID, AWS_S3_ENDPOINT and AWS_ENDPOINT_URL are unset)",
    "DuckDB": "skipped (there is no S3)",
    "Spark": "skipped (there is no S3)",
    "Python": "skipped (there is no Python)",
    "pip and uv": "skipped (PIP_REPOSITORY is unset)",
    "conda": "skipped (CONDA_REPOSITORY is unset)",
    "R repositories": "skipped (R_REPOSITORY and PACKAGE_MANAGER_URL are unset)",
    "git identity": "skipped (GIT_USER_NAME and GIT_USER_MAIL are unset)",
    "git token": "skipped (GIT_PERSONAL_ACCESS_TOKEN is unset)",
    "git clone": "skipped (GIT_REPOSITORY is unset)",
    "dark mode": "skipped (DARK_MODE is not true)",
    "session environment": "done ({session})",
    "personal script": "skipped (PERSONAL_INIT_SCRIPT is unset)",
}
"""What is said where no variable is set."""

VAULT = {"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_MOUNT": "kv", "VAULT_RELATIVE_PATH": "a"}
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "s3cret"}
ENDPOINT = {"AWS_S3_ENDPOINT": "s3.example"}
LATER = {"DuckDB": "skipped (no DuckDB here; {session}/duckdb.sql is for one that comes)"}
NO_SPARK = {"Spark": "skipped (there is no Spark)"}
REFUSED = "curl: (7) Failed to connect to 127.0.0.1 port 1 after N ms: no connection"

TIMED = re.compile(r"after \d+ ms: Could( not|n't) connect to server")
"""What versions of curl put in their own words, and with the time it took."""

CASES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "nothing": ({}, {}),
    "session directory, relative": (
        {"ONYXIA_SESSION_DIR": "here"},
        {
            "session directory": "failed (ONYXIA_SESSION_DIR is not an absolute path)",
            "session environment": "failed (there is no session directory)",
        },
    ),
    "session directory of root's": (
        {"ONYXIA_SESSION_DIR": "/proc/1"},
        {
            "session directory": "failed (chmod: changing permissions of '/proc/1': "
            "Operation not permitted)",
            "session environment": "failed (there is no session directory)",
        },
    ),
    "no home": (
        {"HOME": "/nowhere"},
        {"home": "done (/nowhere is not writable, {session}/home is used)"},
    ),
    "no work directory": (
        {"WORKSPACE_DIR": "/proc/work"},
        {"work directory": "done (/proc/work is not writable; {home}/work is used)"},
    ),
    "root project directory": ({"ROOT_PROJECT_DIRECTORY": "{home}/here"}, {}),
    "proxies": (
        {"HTTP_PROXY": "http://u:p@127.0.0.1:1", "https_proxy": "x", "NO_PROXY": "y"},
        {"proxies": "done (HTTP_PROXY; HTTPS_PROXY; NO_PROXY)"},
    ),
    "no_proxy alone": ({"no_proxy": "y"}, {"proxies": "done (NO_PROXY)"}),
    "bundle": (
        {"PATH_TO_CA_BUNDLE": "{bundle}"},
        {"certificates": "done ({bundle})"},
    ),
    "no bundle": (
        {"PATH_TO_CA_BUNDLE": "/nowhere/ca.crt"},
        {"certificates": "failed (/nowhere/ca.crt cannot be read)"},
    ),
    "folder without a bundle": (
        {"PATH_TO_CA_BUNDLE": "/proc/"},
        {"certificates": "failed (/proc/ca-certificates.crt cannot be read)"},
    ),
    "bundle of nothing": (
        {"PATH_TO_CA_BUNDLE": "/proc/version"},
        {"certificates": "failed (/proc/version holds no certificate)"},
    ),
    "region script, unreachable": (
        {"REGION_INIT_SCRIPT": "http://ann:s3cret@127.0.0.1:1/a?token=hunter2"},
        {"region script": f"failed ({REFUSED})"},
    ),
    "region script, a file": (
        {"REGION_INIT_SCRIPT": "file:///etc/passwd"},
        {"region script": "failed (it is not an http(s) URL)"},
    ),
    "region script by plain http": (
        {"REGION_INIT_SCRIPT": "http://192.0.2.1/a", "PERSONAL_INIT_SCRIPT": "http://192.0.2.1/a"},
        {
            "region script": "failed (by plain http it could be changed on its way: use https, "
            "or REGION_INIT_SCRIPT_CHECKSUM)",
            "personal script": "failed (by plain http it could be changed on its way: use https)",
        },
    ),
    "vault, unreachable": (
        {**VAULT, "VAULT_TOKEN": "t0ken"},
        {"vault": f"failed ({REFUSED})"},
    ),
    "vault without an address": (
        {**VAULT, "VAULT_ADDR": ""},
        {"vault": "failed (VAULT_ADDR is unset)"},
    ),
    "vault of another kind": (
        {**VAULT, "VAULT_ADDR": "file:///etc"},
        {"vault": "failed (VAULT_ADDR is not an http(s) URL)"},
    ),
    "vault without a mount": (
        {**VAULT, "VAULT_MOUNT": ""},
        {"vault": "failed (VAULT_MOUNT is unset)"},
    ),
    "vault without a token": (
        {**VAULT, "VAULT_TOP_DIR": "ann"},
        {"vault": "failed (VAULT_TOKEN is unset)"},
    ),
    "vault with two headers": (
        {**VAULT, "VAULT_TOKEN": "a\nX-Vault-Namespace: b"},
        {"vault": "failed (VAULT_TOKEN holds a control character)"},
    ),
    "vault by an unknown mode": (
        {**VAULT, "VAULT_INJECTION_SA_ENABLED": "true", "VAULT_INJECTION_SA_MODE": "aws"},
        {"vault": "failed (VAULT_INJECTION_SA_MODE is not jwt)"},
    ),
    "vault by nothing": (
        {**VAULT, "VAULT_INJECTION_SA_ENABLED": "true"},
        {"vault": "failed (VAULT_INJECTION_SA_AUTH_PATH is unset)"},
    ),
    "vault by a token that is not there": (
        {
            **VAULT,
            "VAULT_INJECTION_SA_ENABLED": "true",
            "VAULT_INJECTION_SA_MODE": "jwt",
            "VAULT_INJECTION_SA_AUTH_PATH": "k8s",
            "VAULT_INJECTION_SA_AUTH_ROLE": "role",
        },
        {"vault": "failed ({folder}/account/token cannot be read)"},
    ),
    "kubernetes as the chart says": (
        {"KUBERNETES_NAMESPACE": "ns", "KUBERNETES_SERVICE_ACCOUNT": "me"},
        {"kubernetes": "done (ns/me)"},
    ),
    "kubernetes, half": (
        {"KUBERNETES_NAMESPACE": "ns"},
        {"kubernetes": "failed (the service account's token does not name it)"},
    ),
    "S3 of Amazon": (
        {**KEYS, "AWS_DEFAULT_REGION": "eu-west-3"},
        {"S3": "done", **LATER, **NO_SPARK},
    ),
    "S3, a host": (
        {**KEYS, **ENDPOINT, "AWS_SESSION_TOKEN": "t"},
        {"S3": "done (s3.example)", **LATER, **NO_SPARK},
    ),
    "S3, with a user": (
        {**KEYS, "AWS_S3_ENDPOINT": "https://AKIA:s3cr3tpass@s3.example"},
        {"S3": "done (s3.example)", **LATER, **NO_SPARK},
    ),
    "S3, a URL and path style": (
        {**KEYS, "AWS_ENDPOINT_URL": "http://s3.example:9000/", "AWS_PATH_STYLE_ACCESS": "true"},
        {"S3": "done (s3.example:9000; path style)", **LATER, **NO_SPARK},
    ),
    "S3, not path style": (
        {**KEYS, **ENDPOINT, "AWS_PATH_STYLE_ACCESS": "false"},
        {"S3": "done (s3.example; virtual style)", **LATER, **NO_SPARK},
    ),
    "S3, a style of the user's": (
        {**ENDPOINT, "AWS_PATH_STYLE_ACCESS": "True", "AWS_CONFIG_FILE": "/my/config"},
        {
            "S3": "done (s3.example; path style; "
            "but as /my/config says for boto3 and the AWS CLI)",
            **LATER,
            **NO_SPARK,
        },
    ),
    "S3, no style": (
        {**ENDPOINT, "AWS_PATH_STYLE_ACCESS": "maybe", "SPARK_HOME": "/nowhere"},
        dict.fromkeys(
            ("S3", "DuckDB", "Spark"), "failed (AWS_PATH_STYLE_ACCESS is neither true nor false)"
        ),
    ),
    "S3 over FTP": (
        {"AWS_ENDPOINT_URL": "ftp://s3.example"},
        {"S3": "failed (the endpoint is not an http(s) URL)", **LATER, **NO_SPARK},
    ),
    "S3, keys that mc cannot be told": (
        {**ENDPOINT, "AWS_ACCESS_KEY_ID": "a:b", "AWS_SECRET_ACCESS_KEY": "c"},
        {
            "S3": "done (not for mc, which has no way to be told these keys; s3.example)",
            **LATER,
            **NO_SPARK,
        },
    ),
    "Spark": (
        {**KEYS, **ENDPOINT, "SPARK_HOME": "/nowhere"},
        {"S3": "done (s3.example)", **LATER, "Spark": "done ({session}/spark)"},
    ),
    "pip": ({"PIP_REPOSITORY": "https://mirror.example"}, {"pip and uv": "done"}),
    "conda": ({"CONDA_REPOSITORY": "https://mirror.example"}, {"conda": "done"}),
    "CRAN": ({"R_REPOSITORY": "https://mirror.example"}, {"R repositories": "done (CRAN)"}),
    "Package Manager": (
        {"R_REPOSITORY": "https://a.example", "PACKAGE_MANAGER_URL": "https://b.example"},
        {"R repositories": "done (Package Manager; CRAN)"},
    ),
    "git identity": (
        {"GIT_USER_NAME": "Ann", "GIT_USER_MAIL": "a@example.org"},
        {"git identity": "done"},
    ),
    "git cache": (
        {"GIT_CREDENTIALS_CACHE_DURATION": "60"},
        {"git token": "done (kept for 60 s; once typed: GIT_PERSONAL_ACCESS_TOKEN is unset)"},
    ),
    "git cache of no time": (
        {"GIT_CREDENTIALS_CACHE_DURATION": "1 h"},
        {"git token": "failed (GIT_CREDENTIALS_CACHE_DURATION is not a number of seconds)"},
    ),
    "git token without a server": (
        {"GIT_PERSONAL_ACCESS_TOKEN": "t0ken"},
        {"git token": "skipped (GIT_REPOSITORY does not say which HTTP server the token is for)"},
    ),
    "git token of two lines": (
        {"GIT_PERSONAL_ACCESS_TOKEN": "a\nhost=b", "GIT_REPOSITORY": "http://127.0.0.1:1/p",
         "GIT_TOKEN_HOSTS": "127.0.0.1"},
        {
            "git token": "failed (the token or the URL holds a control character)",
            "git clone": "failed (fatal: unable to access 'http://127.0.0.1:1/p/': "
            "Failed to connect to 127.0.0.1 port 1 after N ms: no connection)",
        },
    ),
    "git token for another server": (
        {"GIT_PERSONAL_ACCESS_TOKEN": "t0ken", "GIT_REPOSITORY": "http://127.0.0.1:1/p"},
        {
            "git token": "skipped (not given to 127.0.0.1: it is not the server of the token)",
            "git clone": "failed (fatal: unable to access 'http://127.0.0.1:1/p/': "
            "Failed to connect to 127.0.0.1 port 1 after N ms: no connection)",
        },
    ),
    "git clone, a branch that is not there": (
        {"GIT_REPOSITORY": "{project}", "GIT_BRANCH": "--upload-pack=x"},
        {"git clone": "failed (fatal: Remote branch --upload-pack=x not found in upstream origin)"},
    ),
    "git clone": ({"GIT_REPOSITORY": "{project}"}, {"git clone": "done ({home}/work/project)"}),
    "dark": ({"DARK_MODE": "true"}, {"dark mode": "done"}),
    "light": ({"DARK_MODE": "false"}, {}),
    "personal script of no scheme": (
        {"PERSONAL_INIT_SCRIPT": "script.sh"},
        {"personal script": "failed (it is not an http(s) URL)"},
    ),
    "personal arguments without an end": (
        {"PERSONAL_INIT_SCRIPT": "http://127.0.0.1:1/a", "PERSONAL_INIT_ARGS": "it's"},
        {"personal script": "failed (PERSONAL_INIT_ARGS has a quote without its other half)"},
    ),
    # What a form, a file of variables or a hand leaves around a value.
    "blanks and ends of lines": (
        {"GIT_REPOSITORY": " {project}\r\n", "DARK_MODE": "true\r", "PIP_REPOSITORY": "\t"},
        {"git clone": "done ({home}/work/project)", "dark mode": "done"},
    ),
    "quotes of a file of variables": (
        {"GIT_REPOSITORY": '"{project}"', "DARK_MODE": "'TRUE'"},
        {"git clone": "done ({home}/work/project)", "dark mode": "done"},
    ),
    "a scheme in capitals": (
        {**KEYS, "AWS_ENDPOINT_URL": "HTTPS://S3.example/ ", "AWS_PATH_STYLE_ACCESS": "TrUe"},
        {"S3": "done (S3.example; path style)", **LATER, **NO_SPARK},
    ),
    "vault in capitals": (
        {
            **VAULT, "VAULT_ADDR": " HTTP://127.0.0.1:1/ ", "VAULT_TOKEN": "t0ken\n",
            "VAULT_INJECTION_SA_ENABLED": "True", "VAULT_INJECTION_SA_MODE": "JWT",
            "VAULT_INJECTION_SA_AUTH_PATH": "k8s",
        },
        {"vault": "failed ({folder}/account/token cannot be read)"},
    ),
    "scripts in capitals": (
        {"REGION_INIT_SCRIPT": "HTTP://127.0.0.1:1/a", "PERSONAL_INIT_SCRIPT": "'HTTP://127.0.0.1:1/'"},
        {"region script": f"failed ({REFUSED})", "personal script": f"failed ({REFUSED})"},
    ),
    "passed through": (
        {
            "PROJECT_USER": "onyxia", "PROJECT_GROUP": "users", "IMAGE_NAME": "image",
            "PASSWORD": "s3cret", "MLFLOW_TRACKING_URI": "x", "PGPASSWORD": "y",
        },
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_said(machine: Host, authority: Authority, repositories: object, case: str) -> None:
    given, said = CASES[case]
    words = {
        "{session}": str(machine.session),
        "{home}": str(machine.home),
        "{folder}": str(machine.folder),
        "{bundle}": str(authority.bundle),
        "{project}": f"{repositories}/project.git",
    }

    def filled(text: str) -> str:
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    ended = machine.start(
        "sh", "-c", "exit 7", **{name: filled(value) for name, value in given.items()}
    )
    assert ended.status == 7
    found = {
        name: TIMED.sub("after N ms: no connection", text) for name, text in ended.steps.items()
    }
    assert found == {name: filled(text) for name, text in {**NOTHING, **said}.items()}
    # Nothing else is said, and each step once.
    assert len(ended.log.splitlines()) == len(NOTHING)


def test_the_steps_come_in_the_order_of_the_contract(machine: Host) -> None:
    assert list(machine.start().steps) == list(NOTHING)


def test_what_may_hold_anything_stays(machine: Host) -> None:
    """And so does a setting of several lines, which is none."""
    given = {
        "PASSWORD": ' "a" \r\n', "PGPASSWORD": "\tb ", "GIT_USER_NAME": " 'Ann' ",
        "PERSONAL_INIT_ARGS": ' "a" ', "AWS_DEFAULT_REGION": " a\nb ",
    }  # fmt: skip
    found = machine.start(**given).environment
    assert {name: found[name] for name in given} == given
    assert machine.start(NO_PROXY=" a,b\n", AWS_REGION="'x'").environment["NO_PROXY"] == "a,b"


def test_an_unset_variable_changes_nothing(machine: Host) -> None:
    found = machine.start().environment
    given = machine.environment({})
    ours = {
        "ONYXIA_SESSION", "ONYXIA_PROJECT_DIRECTORY", "ROOT_PROJECT_DIRECTORY", "USER", "LOGNAME",
        "USERNAME", "GROUPNAME", "GID",
    }  # fmt: skip
    given["PATH"] += f":{machine.home}/.local/bin"
    assert {name: found[name] for name in given} == given
    assert set(found) - set(given) <= ours | {"PWD", "OLDPWD", "SHLVL", "_"}
    assert sorted(path.name for path in machine.session.iterdir()) == ["env.sh", "environ"]
    assert sorted(path.name for path in machine.home.iterdir()) == [
        ".bashrc", ".cache", ".config", ".local", ".profile", ".ssh", "work",
    ]  # fmt: skip


def test_a_command_is_not_needed_and_its_failure_is_told(machine: Host) -> None:
    assert machine.start("/nowhere/command").status == 127
    assert PATH in machine.start("bash", "-c", "echo $PATH").out.decode()
