#!/opt/python/bin/python
"""start [OPTION…]: `mlflow server` in the work directory, with the password of the session.

What MLflow is told is its environment: no secret stands on a command line. A variable of MLflow's
that is set already is left as it is.
"""

import configparser
import os
import secrets
import sys
from pathlib import Path

ENV = os.environ


def kept(file):
    """A secret that is made once, and stays with the data."""
    if not file.exists():
        new = file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(secrets.token_urlsafe(32))
        new.rename(file)
    return file.read_text()


def database(folder, name):
    """Where rows go: what libpq's variables name, else a file."""
    # libpq reads its variables, the password among them, by itself.
    return "postgresql+psycopg://" if ENV.get("PGHOST") else f"sqlite:///{folder / name}.db"


def artifacts(folder):
    """Where files go: the user's folder of an S3 store, else the work directory."""
    place = ENV.get("AWS_WORKING_DIRECTORY_PATH", "").strip("/")
    if place and ENV.get("AWS_ACCESS_KEY_ID"):
        return f"s3://{place}/mlflow"
    return f"file://{folder / 'artifacts'}"


def configure(folder, session):
    """Tell MLflow all that it was not told yet."""
    if not ENV.get("PASSWORD"):
        ENV["PASSWORD"] = secrets.token_urlsafe(16)
        print(f"start: PASSWORD is unset; it is {ENV['PASSWORD']} until the end", file=sys.stderr)
    about = configparser.ConfigParser(interpolation=None)
    # Somebody whom the administrator lets in sees nothing until it is shown.
    about["mlflow"] = {
        "default_permission": ENV.get("MLFLOW_AUTH_DEFAULT_PERMISSION") or "NO_PERMISSIONS",
        "database_uri": database(folder, "users"),
    }
    file = session / "mlflow-users.ini"
    with file.open("w") as stream:
        about.write(stream)
    for name, value in {
        "MLFLOW_AUTH_CONFIG_PATH": str(file),
        "MLFLOW_AUTH_ADMIN_USERNAME": "admin",
        "MLFLOW_AUTH_ADMIN_PASSWORD": ENV["PASSWORD"],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": kept(folder / ".sessions"),
        "MLFLOW_CRYPTO_KEK_PASSPHRASE": kept(folder / ".secrets"),
        "MLFLOW_BACKEND_STORE_URI": database(folder, "mlflow"),
        "MLFLOW_ARTIFACTS_DESTINATION": artifacts(folder),
    }.items():
        ENV.setdefault(name, value)


def renew_password():
    """Make the password of the environment hold, which MLflow reads only the first time."""
    from mlflow.server.auth.config import read_auth_config
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    config = read_auth_config()
    user, password = config.admin_username, config.admin_password
    store = SqlAlchemyStore()
    store.init_db(config.database_uri)
    if store.has_user(user) and not store.authenticate_user(user, password):
        store.update_user(user, password=password)
        print(f"start: the password of {user} is the new one", file=sys.stderr)


os.umask(0o077)
configure(Path.cwd(), Path(ENV["ONYXIA_SESSION"]))
renew_password()
command = ["mlflow", "server", "--app-name=basic-auth", *sys.argv[1:]]
os.execvp(command[0], command)
