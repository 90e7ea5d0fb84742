#!/bin/sh
# curl at the hosts that the published documents name, with nothing but the variables that `latchkey env` prints.
#
# KONNECT_TOKEN=… HTTPS_PROXY=… CURL_CA_BUNDLE=… sh curl.sh
set -eu

GLOBAL=https://global.api.konghq.com
REGIONAL=https://eu.api.konghq.com
: "${KONNECT_TOKEN:?set the variables that latchkey env prints}"
calls=0
reply=$(mktemp)
trap 'rm -f "$reply"' EXIT

# expect STATUS METHOD URL [CURL_OPTIONS…]: the body is in $reply afterwards.
expect() {
    wanted=$1 method=$2 url=$3
    shift 3
    # -g keeps curl from reading brackets as its own language.
    got=$(curl -sSg -o "$reply" -w '%{http_code}' -X "$method" "$@" "$url")
    calls=$((calls + 1))
    if [ "$got" != "$wanted" ]; then
        echo "FAILED: $method $url: $got, where $wanted was expected" >&2
        cat "$reply" >&2
        exit 1
    fi
}

# The same with the token; a body is JSON.
api() {
    wanted=$1 method=$2 url=$3
    shift 3
    if [ $# -gt 0 ]; then
        set -- -H 'Content-Type: application/json' -d "$1"
    fi
    expect "$wanted" "$method" "$url" -H "Authorization: Bearer $KONNECT_TOKEN" "$@"
}

# member NAME: the first member of this name in the reply.
member() {
    sed -n "s/.*[{,]\"$1\":\"\([^\"]*\)\".*/\1/p" "$reply" | head -1
}

holds() {
    if ! grep -qF -- "$1" "$reply"; then
        echo "FAILED: $1 is not in:" >&2
        cat "$reply" >&2
        exit 1
    fi
}

# Who am I?
api 200 GET "$GLOBAL/v3/users/me"
me=$(member id)
api 200 GET "$GLOBAL/v3/organizations/me"
expect 401 GET "$GLOBAL/v3/users/me"
expect 200 GET "$GLOBAL/v3/available-regions"

# Teams, by the newer and the older path, at both hosts.
api 201 POST "$GLOBAL/v3/teams" '{"name":"Payments","labels":{"env":"prod"}}'
team=$(member id)
api 200 GET "$GLOBAL/v3/teams?filter[name][contains]=pay&page[size]=5"
holds "$team"
api 200 GET "$REGIONAL/v2/teams/$team"
holds '"env":"prod"'
api 200 PATCH "$GLOBAL/v3/teams/$team" '{"description":"Owns the payment APIs","labels":{"env":null}}'
holds '"labels":{}'
api 201 POST "$GLOBAL/v3/teams/$team/users" "{\"id\":\"$me\"}"
api 200 GET "$GLOBAL/v2/users/?filter[active]=true"
holds "$me"
api 201 POST "$GLOBAL/v3/teams/$team/assigned-roles" \
    '{"role_name":"Viewer","entity_type_name":"Control Planes","entity_id":"*","entity_region":"eu"}'
api 409 POST "$GLOBAL/v3/teams/$team/assigned-roles" \
    '{"role_name":"Viewer","entity_type_name":"Control Planes","entity_id":"*","entity_region":"eu"}'
api 201 POST "$GLOBAL/v3/invites" '{"email":"ann@example.com"}'

# A system account, and what it may do.
api 201 POST "$GLOBAL/v3/system-accounts" '{"name":"deployer","description":"Runs in CI"}'
account=$(member id)
until=$(($(date -u +%Y) + 1))-01-01T00:00:00Z
api 201 POST "$GLOBAL/v3/system-accounts/$account/access-tokens" "{\"name\":\"ci\",\"expires_at\":\"$until\"}"
spat=$(member token)
expect 403 POST "$GLOBAL/v3/teams" -H "Authorization: Bearer $spat" -d '{"name":"Mine"}' -H 'Content-Type: application/json'
holds 'Identity Admin'
api 201 POST "$GLOBAL/v3/system-accounts/$account/assigned-roles" \
    '{"role_name":"Admin","entity_type_name":"Identity","entity_region":"*"}'
# A permission counts with the next request.
expect 201 POST "$GLOBAL/v3/teams" -H "Authorization: Bearer $spat" -d '{"name":"Mine"}' -H 'Content-Type: application/json'
api 204 DELETE "$GLOBAL/v3/teams/$(member id)"
api 204 DELETE "$GLOBAL/v3/system-accounts/$account"
expect 401 GET "$GLOBAL/v3/organizations/me" -H "Authorization: Bearer $spat"

# The device grant as the command line tool sends it: a form that does not say that it is one.
client=344f59db-f401-4ce7-9407-00a0823fbacf
expect 200 POST "$GLOBAL/v3/internal/oauth/device/authorize" -H 'Content-Type:' -d "client_id=$client"
holds '"verification_uri_complete":'
device=$(member device_code)
grant=urn:ietf:params:oauth:grant-type:device_code
expect 400 POST "$GLOBAL/v3/internal/oauth/device/token" -H 'Content-Type:' \
    -d "client_id=$client&device_code=$device&grant_type=$grant"
holds '"error":"authorization_pending"'

# Application auth is regional.
api 201 POST "$REGIONAL/v2/application-auth-strategies" \
    '{"name":"keys","display_name":"Keys","strategy_type":"key_auth","configs":{"key-auth":{"key_names":["x-api-key"]}}}'
strategy=$(member id)
api 200 GET "$REGIONAL/v2/application-auth-strategies?filter[strategy_type][eq]=key_auth"
holds "$strategy"
api 200 PATCH "$REGIONAL/v2/application-auth-strategies/$strategy" '{"labels":{"KONGCTL-namespace":"ns"}}'
api 204 DELETE "$REGIONAL/v2/application-auth-strategies/$strategy"
api 404 GET "$REGIONAL/v2/application-auth-strategies/$strategy"
api 204 DELETE "$GLOBAL/v3/teams/$team"
api 404 DELETE "$GLOBAL/v3/teams/$team"

echo "curl: $calls calls, each answered as expected"
