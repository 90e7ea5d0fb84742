"""Glewlwyd, a real authorization server, set up as Curity's would be: an initial client gets a token of the scope
dcr, which is good for one registration, and each change of a client replaces its secret.

glewlwyd.py KEY CERTIFICATE    Prints its issuer and the cookie of its administrator. It ends with this program.
"""

import ctypes
import gzip
import http.cookiejar
import json
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

CONFIGURATION = """
port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
login_url="login.html"
api_prefix="api"
static_files_path="/usr/share/glewlwyd/webapp/"
log_mode="file"
log_level="WARNING"
log_file="{folder}/log"
cookie_domain="127.0.0.1"
cookie_secure=0
session_expiration=2419200
session_key="GLEWLWYD2_SESSION_ID"
admin_session_authentication="cookie"
profile_session_authentication="cookie"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
use_secure_connection=false
secure_connection_key_file=""
secure_connection_pem_file=""
secure_connection_ca_file=""
hash_algorithm="SHA512"
database = {{ type = "sqlite3", path = "{folder}/database" }};
"""


def ended_with_us():
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGKILL)


def main():
    key, certificate = (pathlib.Path(name).read_text() for name in sys.argv[1:3])
    folder = tempfile.mkdtemp(prefix="latchkey_glewlwyd_")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = pathlib.Path(folder, "glewlwyd.conf")
    configuration.write_text(CONFIGURATION.format(port=port, folder=folder))
    with gzip.open("/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz", "rt") as script:
        with sqlite3.connect(f"{folder}/database") as database:
            database.executescript(script.read())
    server = subprocess.Popen(["glewlwyd", "-c", configuration], preexec_fn=ended_with_us, stdin=subprocess.DEVNULL)
    try:
        set_up(f"http://127.0.0.1:{port}", key, certificate)
        sys.stdin.read()
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def set_up(address, key, certificate):
    cookies = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))

    def post(path, body):
        request = urllib.request.Request(f"{address}/api/{path}", json.dumps(body).encode(), {"content-type": "application/json"})
        return opener.open(request, timeout=10)

    for attempt in range(200):
        try:
            post("auth/", {"username": "admin", "password": "password"})
            break
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    else:
        sys.exit("glewlwyd does not answer")
    for name in ("dcr", "api:read"):
        post("scope/", {"name": name, "display_name": name, "description": name, "password_required": False, "scheme": {}})
    issuer = f"{address}/api/oidc"
    post("mod/plugin/", {"module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "parameters": {
        "iss": issuer, "jwt-type": "rsa", "jwt-key-size": "256", "key": key, "cert": certificate,
        "access-token-duration": 300, "refresh-token-duration": 300, "code-duration": 60, "refresh-token-rolling": True,
        "allow-non-oidc": True, "auth-type-code-enabled": True, "auth-type-token-enabled": False,
        "auth-type-id-token-enabled": True, "auth-type-none-enabled": False, "auth-type-password-enabled": False,
        "auth-type-client-enabled": True, "auth-type-device-enabled": False, "auth-type-refresh-enabled": True,
        "subject-type": "public", "address-claim": {"type": "no"}, "scope": [], "claims": [], "additional-parameters": [],
        "jwks-show": True, "pkce-allowed": False, "introspection-revocation-allowed": False,
        "register-client-allowed": True, "register-client-auth-scope": ["dcr"],
        "register-client-credentials-scope": ["api:read"], "register-client-token-one-use": True,
        "register-client-management-allowed": True,
    }})
    post("client/", {
        "client_id": "initial-client", "name": "initial", "confidential": True, "password": "initial-s3cret", "enabled": True,
        "scope": ["dcr"], "authorization_type": ["client_credentials"], "redirect_uri": [],
        "token_endpoint_auth_method": ["client_secret_basic"],
    })
    cookie = "; ".join(f"{one.name}={one.value}" for one in cookies)
    print(issuer, cookie.replace(" ", ""), flush=True)


main()
