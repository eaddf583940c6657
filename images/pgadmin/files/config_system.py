"""What pgAdmin is told of where it runs; pgAdmin reads it by itself."""

import os

DATA_DIR = os.environ.get("PGADMIN_DATA_DIR") or os.getcwd()
SQLITE_PATH = os.path.join(DATA_DIR, "pgadmin4.db")
SESSION_DB_PATH = os.path.join(DATA_DIR, "sessions")
STORAGE_DIR = os.path.join(DATA_DIR, "storage")
AZURE_CREDENTIAL_CACHE_DIR = os.path.join(DATA_DIR, "azurecredentialcache")
KERBEROS_CCACHE_DIR = os.path.join(DATA_DIR, "krbccache")
LOG_FILE = os.devnull
DEFAULT_BINARY_PATHS = {"pg": "/usr/bin"}
MAX_LOGIN_ATTEMPTS = int(os.environ.get("MAX_LOGIN_ATTEMPTS") or 10)
# Who comes through a cluster has no address of its own.
ENHANCED_COOKIE_PROTECTION = False
# Nothing is told to anybody.
UPGRADE_CHECK_ENABLED = False
SHOW_GRAVATAR_IMAGE = False
LLM_ENABLED = False
