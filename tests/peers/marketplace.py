"""AWS Marketplace on the loopback: the server of the Python package moto, which speaks AWS's protocols.

marketplace.py REGION KEY SECRET    Prints its address. GET /__test tells which tokens it was asked about, in order.

moto has BatchMeterUsage of this service and not ResolveCustomer, so that operation is added here, by hand, after AWS's
service model. Neither does moto look at signatures, so that is done here, too, with AWS's own library for Python: what
is not signed with KEY and SECRET, for REGION and this service, is refused as AWS refuses it.

What a token is for stands in TOKENS, character for character; whatever else comes is no token.
"""

import io
import json
import re
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timedelta, timezone

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core.exceptions import JsonRESTError
from moto.meteringmarketplace.responses import MarketplaceMeteringResponse
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

REGION, KEY, SECRET = sys.argv[1:]
TARGET = "AWSMPMeteringService.ResolveCustomer"
LICENSE = "arn:aws:license-manager::294406891311:license:l-"

# A customer of a product of today has no identifier; one of an older product has one, and no license.
ANN = {"CustomerAWSAccountId": "111122223333", "ProductCode": "prod-new", "LicenseArn": LICENSE + "1"}
BOB = {"CustomerIdentifier": "ifAPi5AcF3", "CustomerAWSAccountId": "444455556666", "ProductCode": "old-product"}
TOKENS = {
    "Ann+1/aB%2B==": ANN,
    "Ann+2/aB%2B==": ANN,
    "Ann+renewed/==": {**ANN, "LicenseArn": LICENSE + "2"},
    "Bob+1/==": BOB,
    "Throttled+2/==": {**BOB, "throttled": 2},
    "Throttled+9/==": {**BOB, "throttled": 9},
    "Slow+1/==": {**BOB, "seconds": 60},
    "Nameless+1/==": {"ProductCode": "prod-new", "CustomerIdentifier": "nobody"},
    "Expired+1/==": ("ExpiredTokenException", "The submitted registration token has expired.", 400),
    "Stale+1/==": ("ExpiredTokenException", "The security token included in the request is expired", 400),
    "Internal+1/==": ("InternalServiceErrorException", "An internal error has occurred.", 500),
    "Disabled+1/==": ("DisabledApiException", "The API is disabled in the Region.", 400),
    "Denied+1/==": ("AccessDeniedException", "You are not authorized to perform this action.", 400),
}
asked, lock = [], threading.Lock()


class Refusal(JsonRESTError):
    def __init__(self, name, message, status):
        super().__init__(name, message)
        self.code = status


def resolve_customer(self):
    token = json.loads(self.body)["RegistrationToken"]
    with lock:
        asked.append(token)
        times = Counter(asked)[token]
    if not re.fullmatch(r"\S+", token):
        # In AWS's words, which quote the value.
        message = f"1 validation error detected: Value '{token}' at 'registrationToken' failed to satisfy constraint"
        raise Refusal("ValidationException", message, 400)
    match TOKENS.get(token):
        case None:
            raise Refusal("InvalidTokenException", "Registration token is invalid.", 400)
        case (name, message, status):
            raise Refusal(name, message, status)
        case {"throttled": most} if times <= most:
            raise Refusal("ThrottlingException", "The calls to the API are throttled.", 400)
        case customer:
            time.sleep(customer.get("seconds", 0))
            return json.dumps({name: value for name, value in customer.items() if name[0].isupper()})


MarketplaceMeteringResponse.resolve_customer = resolve_customer

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


def fault(request):
    """What is wrong with a request's signature (AWS Signature Version 4), if anything is."""
    given = AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if not given:
        return "the Authorization header has another form"
    if given.group("key", "region", "service") != (KEY, REGION, "aws-marketplace"):
        return "it is signed for something else"
    names = given["names"].split(";")
    if not {"host", "x-amz-date", "x-amz-target"} <= set(names):
        return "not all that matters is signed"
    stamp = request.headers["X-Amz-Date"]
    signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    if stamp[:8] != given["day"] or abs(datetime.now(timezone.utc) - signed_at) > timedelta(minutes=5):
        return "it is not signed now"
    again = AWSRequest(
        request.method, request.url, {name: request.headers[name] for name in names}, request.get_data()
    )
    again.context["timestamp"] = stamp
    signer = SigV4Auth(Credentials(KEY, SECRET), "aws-marketplace", REGION)
    wanted = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    return None if wanted == given["signature"] else "the signature is wrong"


moto = DomainDispatcherApplication(create_backend_app)


def application(environ, start):
    request = Request(environ)
    environ["wsgi.input"] = io.BytesIO(request.get_data())
    if request.path == "/__test":
        return Response(json.dumps(asked), content_type="application/json")(environ, start)
    why = fault(request)
    if why is None and request.headers.get("X-Amz-Target") != TARGET:
        why = "it is another operation"
    if why is not None:
        print(f"marketplace.py: {why}", file=sys.stderr, flush=True)
        body = json.dumps({"__type": "InvalidSignatureException", "message": why})
        return Response(body, 400, content_type="application/x-amz-json-1.1")(environ, start)
    return moto(environ, start)


class Silent(WSGIRequestHandler):
    def log(self, *_):
        pass


server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Silent)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
