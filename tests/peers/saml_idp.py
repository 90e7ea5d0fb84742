"""A SAML identity provider on the loopback, built on the Python package pysaml2, which signs by xmlsec1.
Whoever comes is signed in as the person that was named last, by a form that the browser has to send on.

saml_idp.py KEY CERTIFICATE    Prints its address, under which /metadata and /sso lie. What it is told on POST
/__test, as JSON, changes it:
  sp        the metadata of the service that it signs people in to
  person    the name id, its format and the attributes of whoever comes next
  sign      what it signs: assertion, message, both or none
"""

import html
import json
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_UNSPECIFIED, NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

KEY, CERTIFICATE = sys.argv[1:3]
state = {"person": {"id": "ann-1", "attributes": {}}, "sign": "assertion", "sp": None}


class Unmapped:
    """Attributes under the names that they have."""

    name_format = NAME_FORMAT_UNSPECIFIED

    def to_(self, attributes):
        from saml2.saml import Attribute, AttributeValue

        made = []
        for name, values in attributes.items():
            values = values if isinstance(values, list) else [values]
            texts = []
            for text in values:
                value = AttributeValue()
                value.set_text(text)
                texts.append(value)
            made.append(Attribute(name=name, name_format=NAME_FORMAT_UNSPECIFIED, attribute_value=texts))
        return made


def config():
    endpoints = [(f"{ADDRESS}/sso", BINDING_HTTP_REDIRECT), (f"{ADDRESS}/sso", BINDING_HTTP_POST)]
    idp = {
        "endpoints": {"single_sign_on_service": endpoints},
        "want_authn_requests_signed": False,
        "policy": {"default": {"name_form": NAME_FORMAT_UNSPECIFIED}},
    }
    settings = {
        "entityid": f"{ADDRESS}/metadata",
        "service": {"idp": idp},
        "key_file": KEY,
        "cert_file": CERTIFICATE,
        "signing_algorithm": SIG_RSA_SHA256,
        "digest_algorithm": DIGEST_SHA256,
    }
    if state["sp"]:
        settings["metadata"] = {"inline": [state["sp"]]}
    return IdPConfig().load(settings)


def sign_in(message, binding, relay_state):
    idp = Server(config=config())
    idp.config.attribute_converters = [Unmapped()]
    request = idp.parse_authn_request(message, binding)
    arguments = idp.response_args(request.message, [BINDING_HTTP_POST])
    person, sign = state["person"], state["sign"]
    name_id = NameID(format=person.get("format", NAMEID_FORMAT_PERSISTENT), text=person["id"])
    answer = idp.create_authn_response(
        identity=person["attributes"],
        name_id=name_id,
        sign_assertion=sign in ("assertion", "both"),
        sign_response=sign in ("message", "both"),
        sign_alg=SIG_RSA_SHA256,
        digest_alg=DIGEST_SHA256,
        authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"},
        userid=person["id"],
        **{name: arguments[name] for name in ("in_response_to", "destination", "sp_entity_id", "name_id_policy")},
    )
    form = idp.apply_binding(BINDING_HTTP_POST, str(answer), arguments["destination"], relay_state, response=True)
    return form["data"]


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        url = urllib.parse.urlsplit(self.path)
        try:
            if url.path == "/metadata":
                return self.answer(200, "application/samlmetadata+xml", str(entity_descriptor(config())))
            if url.path == "/sso":
                post = self.command == "POST"
                form = dict(urllib.parse.parse_qsl(body if post else url.query))
                binding = BINDING_HTTP_POST if post else BINDING_HTTP_REDIRECT
                return self.answer(200, "text/html", sign_in(form["SAMLRequest"], binding, form.get("RelayState", "")))
            state.update(json.loads(body))
            return self.answer(200, "application/json", "{}")
        except Exception as fault:  # What went wrong is for whoever reads the test's output.
            import traceback

            return self.answer(500, "text/plain", html.escape(traceback.format_exc()))

    do_GET = do_POST = handle_any


server = HTTPServer(("127.0.0.1", 0), Handler)
ADDRESS = f"http://127.0.0.1:{server.server_address[1]}"
print(ADDRESS, flush=True)
server.serve_forever()
