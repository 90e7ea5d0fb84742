"""An OpenID provider on the loopback, built on the Python package pyop. Whoever comes is signed in as the person
that was named last. Its identity tokens hold a subject and nothing more; the rest is told at its userinfo.

oidc_provider.py REDIRECT_URI    Prints its issuer. What it is told on POST /__test, as JSON, changes it:
  person    the claims of whoever comes next
"""

import json
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

from Cryptodome.PublicKey import RSA
from jwkest.jwk import RSAKey
from oic.oic.message import ProviderConfigurationResponse
from pyop.authz_state import AuthorizationState
from pyop.exceptions import InvalidClientAuthentication, OAuthError
from pyop.provider import Provider
from pyop.subject_identifier import HashBasedSubjectIdentifierFactory
from pyop.userinfo import Userinfo

# The package wants https, which the loopback does not need.
ProviderConfigurationResponse.verify = lambda self, **_: True
people = {}
state = {"person": {"sub": "ann"}}


def provider(issuer, redirect):
    key = RSAKey(key=RSA.generate(2048), alg="RS256", use="sig", kid="1")
    configuration = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorization",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid", "email", "profile"],
        "claims_supported": ["email", "name", "groups"],
    }
    clients = {
        "latchkey": {
            "redirect_uris": [redirect],
            "response_types": ["code"],
            "client_secret": "plain-secret",
            "token_endpoint_auth_method": "client_secret_basic",
        }
    }
    subjects = AuthorizationState(HashBasedSubjectIdentifierFactory("salt"))
    return Provider(key, configuration, subjects, clients, Userinfo(people))


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        body = body.encode()
        self.send_response(status)
        for name, value in (("content-type", "application/json"), ("content-length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        url = urllib.parse.urlsplit(self.path)
        headers = {name.title(): value for name, value in self.headers.items()}
        try:
            if url.path == "/.well-known/openid-configuration":
                return self.answer(200, json.dumps(OP.provider_configuration.to_dict()))
            if url.path == "/jwks":
                return self.answer(200, json.dumps(OP.jwks))
            if url.path == "/authorization":
                request = OP.parse_authentication_request(url.query, headers)
                person = state["person"]
                people[person["sub"]] = person
                to = OP.authorize(request, person["sub"]).request(request["redirect_uri"])
                return self.answer(302, "", [("location", to)])
            if url.path == "/token":
                return self.answer(200, OP.handle_token_request(body, headers).to_json())
            if url.path == "/userinfo":
                person = state["person"]
                told = OP.handle_userinfo_request(url.query, headers).to_dict()
                # A claim that the package's list of standard claims does not have.
                return self.answer(200, json.dumps({"groups": person.get("groups", []), **told}))
            state.update(json.loads(body))
            return self.answer(200, "{}")
        except InvalidClientAuthentication as fault:
            return self.answer(401, json.dumps({"error": "invalid_client", "error_description": str(fault)}))
        except OAuthError as fault:
            return self.answer(400, json.dumps({"error": fault.oauth_error}))

    do_GET = do_POST = handle_any


server = HTTPServer(("127.0.0.1", 0), Handler)
ISSUER = f"http://127.0.0.1:{server.server_address[1]}"
OP = provider(ISSUER, sys.argv[1])
print(ISSUER, flush=True)
server.serve_forever()
