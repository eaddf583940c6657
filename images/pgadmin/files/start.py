#!/opt/python/bin/python
"""start [OPTION…]: pgAdmin in the work directory, with the user and password of the session.

No secret stands on a command line. Options are those of gunicorn.
"""

import importlib.util
import json
import os
import secrets
import sys
from pathlib import Path

ENV = os.environ
GROUP = "Found in the namespace"


def configure():
    """Tell pgAdmin who its first user is, and where it is itself."""
    if not ENV.get("PASSWORD"):
        ENV["PASSWORD"] = secrets.token_urlsafe(16)
        print(f"start: PASSWORD is unset; it is {ENV['PASSWORD']} until the end", file=sys.stderr)
    ENV["PGADMIN_DATA_DIR"] = str(Path.cwd())
    ENV["PGADMIN_SETUP_EMAIL"] = ENV["LOGIN_EMAIL"]
    ENV["PGADMIN_SETUP_PASSWORD"] = ENV["PASSWORD"]
    folder = next(iter(importlib.util.find_spec("pgadmin4").submodule_search_locations))
    ENV["PYTHONPATH"] = folder
    sys.path.insert(0, folder)


def renew(email, password):
    """Make user and password of the environment hold; return the user."""
    from flask_security.utils import hash_password, verify_password
    from pgadmin.model import User, db
    from pgadmin.tools.user_management import create_user
    from pgadmin.utils.constants import INTERNAL

    def found():
        return User.query.filter_by(username=email, auth_source=INTERNAL).first()

    if found() is None:
        about = {"email": email, "role": 1, "active": True, "auth_source": INTERNAL}
        done, said = create_user({**about, "newPassword": password, "confirmPassword": password})
        if not done:
            sys.exit(f"start: no user {email} can be made: {said}")
    user = found()
    if not verify_password(password, user.password):
        user.password = hash_password(password)
        print(f"start: the password of {email} is the new one", file=sys.stderr)
    user.active, user.locked, user.login_attempts = True, False, 0
    db.session.commit()
    return user


def server():
    """Return the PostgreSQL of the namespace as pgAdmin reads servers, and its line of pgpass."""
    host, port = ENV["PGHOST"], ENV.get("PGPORT") or "5432"
    user = ENV.get("PGUSER") or "postgres"
    database = ENV.get("PGDATABASE") or user
    about = {
        "Name": f"{database} on {host}",
        "Group": GROUP,
        "Host": host,
        "Port": int(port),
        "MaintenanceDB": database,
        "Username": user,
        "ConnectionParameters": {"sslmode": "prefer", "passfile": "/pgpass"},
    }
    words = (host, port, "*", user, ENV.get("PGPASSWORD", ""))
    escaped = (word.replace("\\", "\\\\").replace(":", "\\:") for word in words)
    return about, ":".join(escaped) + "\n"


def show_server(user, session):
    """Show the user the PostgreSQL of the namespace, in the place of the one before."""
    from pgadmin.model import Server, ServerGroup, db
    from pgadmin.utils import load_database_servers
    from pgadmin.utils.paths import get_storage_directory

    for group in ServerGroup.query.filter_by(user_id=user.id, name=GROUP):
        Server.query.filter_by(servergroup_id=group.id).delete()
    db.session.commit()
    if not ENV.get("PGHOST"):
        return
    about, line = server()
    passwords = Path(get_storage_directory(user)) / "pgpass"
    passwords.parent.mkdir(parents=True, exist_ok=True)
    passwords.unlink(missing_ok=True)
    passwords.touch(mode=0o600)
    passwords.write_text(line)
    file = session / "servers.json"
    file.write_text(json.dumps({"Servers": {"1": about}}))
    load_database_servers(str(file), None, user.email, from_setup=True)


os.umask(0o077)
configure()
import builtins  # noqa: E402

builtins.SERVER_MODE = True
import config  # noqa: E402
from pgadmin import create_app  # noqa: E402
from setup import setup_db  # noqa: E402

setup_db(create_app())
app = create_app(f"{config.APP_NAME}-cli")
with app.test_request_context():
    show_server(renew(ENV["LOGIN_EMAIL"], ENV["PASSWORD"]), Path(ENV["ONYXIA_SESSION"]))
command = ["gunicorn", "--workers=1", "--threads=25", "--timeout=86400", "--access-logfile=-"]
os.execvp(command[0], [*command, *sys.argv[1:], "pgAdmin4:app"])
