#!/opt/python/bin/python
"""start [OPTION…]: Label Studio in the work directory, with the password of the session.

What Label Studio is told is its environment: no secret stands on a command line. A variable of
Label Studio's that is set already is left as it is. Options are those of gunicorn.
"""

import hashlib
import os
import secrets
import sys
import time
from pathlib import Path

ENV = os.environ
SECONDS = 120


def configure(folder):
    """Tell Label Studio all that it was not told yet."""
    if not ENV.get("PASSWORD"):
        ENV["PASSWORD"] = secrets.token_urlsafe(16)
        print(f"start: PASSWORD is unset; it is {ENV['PASSWORD']} until the end", file=sys.stderr)
    names = {"BASE_DATA_DIR": str(folder)}
    if ENV.get("PGHOST"):
        names |= {"DJANGO_DB": "default"}
        for name in ("HOST", "PORT", "USER", "PASSWORD"):
            if value := ENV.get(f"PG{name}"):
                names[f"POSTGRE_{name}"] = value
        names["POSTGRE_NAME"] = ENV.get("PGDATABASE") or ENV.get("PGUSER", "postgres")
    for name, value in names.items():
        ENV.setdefault(f"LABEL_STUDIO_{name}", value)


def wait_for_database():
    """Wait until the database answers; end with what it says where it does not."""
    from django.db import OperationalError, connection

    end = time.monotonic() + SECONDS
    while True:
        try:
            return connection.ensure_connection()
        except OperationalError as error:
            if time.monotonic() > end:
                sys.exit(f"start: the database does not let Label Studio in: {error}")
            print(f"start: waiting for the database: {error}", file=sys.stderr)
            time.sleep(3)


def renew(email, password):
    """Make user, password and token of the environment hold."""
    from organizations.models import Organization
    from rest_framework.authtoken.models import Token
    from users.models import User

    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        user = User.objects.create_user(email=email, password=password)
    if not user.check_password(password):
        user.set_password(password)
        print(f"start: the password of {email} is the new one", file=sys.stderr)
    user.is_staff = user.is_superuser = True
    organization = Organization.objects.first()
    if organization is None:
        organization = Organization.create_organization(created_by=user, title="Label Studio")
    elif not organization.has_user(user):
        organization.add_user(user)
    user.active_organization = organization
    user.save()
    # Programs come by this token, which others compute from the password as well.
    token = hashlib.sha256(f"label-studio {password}".encode()).hexdigest()[:40]
    Token.objects.filter(user=user).delete()
    Token.objects.create(user=user, key=token)
    organization.jwt.legacy_api_tokens_enabled = True
    organization.jwt.save()


os.umask(0o077)
configure(Path.cwd())
import django  # noqa: E402
from django.core.management import call_command  # noqa: E402

django.setup()
wait_for_database()
call_command("migrate", "--no-color", verbosity=0)
renew(ENV["LOGIN_EMAIL"], ENV["PASSWORD"])
# Sessions end with the password, and threads suit a file of SQLite.
command = ["gunicorn", "--workers=1", "--threads=8", "--timeout=300", "--access-logfile=-"]
os.execvp(command[0], [*command, *sys.argv[1:], "core.wsgi:application"])
