"""A mail server that keeps what it gets: prints its port, then each mail as a line of JSON.

smtp_sink.py plain|starttls|tls [CERT KEY]    User `latchkey` with the password `p@ss word` may send; with
plain, anybody. A mail to an address that begins with `later` is refused for now.
"""

import json
import logging
import ssl
import sys
import warnings
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Sink:
    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0].startswith("later"):
            return "451 Come back later"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        told = {
            "from": mail["from"],
            "to": envelope.rcpt_tos,
            "subject": mail["subject"],
            "text": mail.get_content(),
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "authenticated": session.authenticated,
        }
        print(json.dumps(told), flush=True)
        return "250 Kept"


def right(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"latchkey", b"p@ss word")
    return AuthResult(success=good, handled=False)


# A client that turns away is part of the tests, and so is a password under TLS from the beginning.
logging.disable(logging.ERROR)
warnings.simplefilter("ignore")
mode = sys.argv[1]
options = {"hostname": "127.0.0.1", "port": 0}
if mode != "plain":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    options.update(authenticator=right, auth_required=True)
    if mode == "tls":
        options.update(ssl_context=context, auth_require_tls=False)
    else:
        options.update(tls_context=context, require_starttls=True)


class OnAnyPort(Controller):
    """The library tries itself at the port that it was given, which is none; this is the one it got."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


controller = OnAnyPort(Sink(), **options)
controller.start()
print(controller.port, flush=True)
sys.stdin.read()
controller.stop()
