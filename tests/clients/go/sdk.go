package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

var (
	role     = object{"role_name": "Viewer", "entity_id": "*", "entity_type_name": "Control Planes", "entity_region": "eu"}
	roleKeys = []string{"id", "role_name", "entity_type_name", "entity_region"}
	teamKeys = []string{"id", "name", "created_at", "updated_at"}
)

// sdk goes through every public operation of identity and application auth.
func sdk(c *client) {
	me := c.get(global+"/v3/users/me", "id", "email", "created_at")
	organization(c)
	users(c, id(me))
	teams(c, id(me))
	systemAccounts(c)
	personalTokens(c, id(me))
	roles(c, global+"/v3/users/"+id(me))
	catalogue(c)
	identityProviders(c)
	olderIdentityProvider(c)
	appAuth(c)
	refusals(c)
}

func organization(c *client) {
	c.get(global+"/v3/organizations/me", "id", "name", "owner_id", "state", "login_path", "retention_period_days")
	settings := []string{
		"basic_auth_enabled", "oidc_auth_enabled", "saml_auth_enabled", "idp_mapping_enabled", "konnect_mapping_enabled",
	}
	before := c.get(global+"/v3/authentication-settings", settings...)
	// What the caller left out is null, and changes nothing.
	after := c.update(global+"/v3/authentication-settings", object{
		"basic_auth_enabled": true, "oidc_auth_enabled": nil, "saml_auth_enabled": nil, "idp_mapping_enabled": nil,
		"konnect_mapping_enabled": nil,
	}, settings...)
	same("authentication-settings", before, after)
	c.get(global+"/v3/organizations/impersonation", "enabled")
	for _, enabled := range []bool{false, true} {
		said := c.update(global+"/v3/organizations/impersonation", object{"enabled": enabled}, "enabled")
		same("impersonation", object{"enabled": enabled}, said)
	}
}

func users(c *client, me string) {
	users := global + "/v3/users"
	c.sendWith(http.MethodPost, global+"/v3/invites", object{"email": "ann@example.com"}, onlyProblems).expect(201)
	c.list(users, "id", "email")
	filter := "?filter%5Bemail%5D%5Beq%5D=" + url.QueryEscape("ann@example.com")
	found := c.list(users+filter+"&page%5Bsize%5D=1&page%5Bnumber%5D=1", "id", "email", "active")
	if len(found) != 1 {
		fail("the invited user is not found: %v", found)
	}
	ann := users + "/" + id(found[0].(object))
	c.get(ann, "id", "email")
	same("user", object{"full_name": "Ann Example"}, c.update(ann, object{"full_name": "Ann Example"}, "id", "full_name"))
	c.list(users+"/"+me+"/teams", teamKeys...)
	c.remove(ann)
	c.gone(ann)
}

func teams(c *client, me string) {
	teams := global + "/v3/teams"
	var made []string
	// More than a page of them, since eight come with the organization.
	for i := 0; i < 14; i++ {
		body := object{"name": fmt.Sprintf("Team %d", i), "description": nil, "labels": object{"env": "test", "KONGCTL-namespace": "ns"}}
		made = append(made, teams+"/"+id(c.create(teams, body, teamKeys...)))
	}
	if all := c.everyPage(teams); len(all) < len(made) {
		fail("%d teams were made, and %d are listed", len(made), len(all))
	}
	team := made[0]
	c.get(team, teamKeys...)
	labelled := c.update(team, object{"labels": object{"KONGCTL-namespace": nil}}, teamKeys...)
	same("labels", object{"labels": object{"env": "test"}}, labelled)
	if _, still := labelled["labels"].(object)["KONGCTL-namespace"]; still {
		fail("a label is still there: %v", labelled)
	}
	c.join(team+"/users", me)
	c.sendWith(http.MethodPost, team+"/users", object{"id": me}, onlyProblems).problem(409)
	c.list(team+"/users", "id", "email")
	c.remove(team + "/users/" + me)
	roles(c, team)
	for _, team := range made {
		c.remove(team)
	}
	c.gone(team)
}

// everyPage asks as the generated pager does, which takes the total for a number of pages: past the end, too.
func (c *client) everyPage(list string) []any {
	var all []any
	for number := 1; ; number++ {
		address := list
		if number > 1 {
			address = fmt.Sprintf("%s?page%%5Bnumber%%5D=%d", list, number)
		}
		reply := c.send(http.MethodGet, address, nil)
		page := reply.page("id")
		all = append(all, page...)
		total := reply.object(200)["meta"].(object)["page"].(object)["total"].(float64)
		if int(total) <= number || len(page) == 0 {
			return all
		}
	}
}

func roles(c *client, holder string) {
	roles := holder + "/assigned-roles"
	made := c.create(roles, role, roleKeys...)
	same("role", role, made)
	c.send(http.MethodPost, roles, role).problem(409)
	c.list(roles, roleKeys...)
	c.list(roles+"?filter%5Brole_name%5D%5Beq%5D=Viewer&filter%5Bentity_type_name%5D%5Beq%5D=Control+Planes", roleKeys...)
	same("role", role, c.get(roles+"/"+id(made), roleKeys...))
	c.remove(roles + "/" + id(made))
	c.gone(roles + "/" + id(made))
}

func systemAccounts(c *client) {
	accounts := global + "/v3/system-accounts"
	account := accounts + "/" + id(c.create(accounts, object{"name": "deployer", "description": "Runs in CI", "konnect_managed": nil}, "id", "name", "konnect_managed"))
	c.everyPage(accounts)
	c.list(accounts+"?filter%5Bname%5D%5Bcontains%5D=deploy&filter%5Bkonnect_managed%5D=false", "id")
	c.get(account, "id", "name", "description")
	c.update(account, object{"description": "Runs everywhere"}, "id", "description")
	roles(c, account)

	tokens := account + "/access-tokens"
	// Any offset, any number of digits.
	until := time.Now().AddDate(0, 1, 0).In(time.FixedZone("", -5*3600-1800)).Format(time.RFC3339Nano)
	token := c.create(tokens, object{"name": "ci", "expires_at": until}, "id", "name", "token", "expires_at")
	c.list(tokens, "id", "name", "expires_at")
	c.get(tokens+"/"+id(token), "id", "name", "expires_at")
	c.update(tokens+"/"+id(token), object{"name": "cd"}, "id", "name")
	as := &client{token: text(token, "token"), agent: c.agent}
	as.get(global+"/v3/organizations/me", "id")
	c.calls += as.calls
	c.remove(tokens + "/" + id(token))
	c.gone(tokens + "/" + id(token))
	as.send(http.MethodGet, global+"/v3/organizations/me", nil).problem(401)

	team := c.create(global+"/v3/teams", object{"name": "Robots"}, teamKeys...)
	members := global + "/v3/teams/" + id(team) + "/system-accounts"
	robot := account[strings.LastIndex(account, "/")+1:]
	c.join(members, robot)
	c.list(members, "id", "name")
	c.list(account+"/teams", teamKeys...)
	c.remove(members + "/" + robot)
	c.remove(global + "/v3/teams/" + id(team))
	c.remove(account)
	c.gone(account)
}

func personalTokens(c *client, me string) {
	tokens := global + "/v3/users/" + me + "/access-tokens"
	keys := []string{"id", "name", "state", "user_id", "created_at", "updated_at", "expires_at"}
	for _, life := range []object{{"name": "Laptop", "ttl_seconds": 86400}, {"name": "Desk", "expires_at": time.Now().AddDate(0, 0, 30).Format(time.RFC3339Nano)}} {
		made := c.create(tokens, life, "id", "name", "state", "konnect_token", "user_id", "created_at", "expires_at")
		token := tokens + "/" + id(made)
		c.get(token, keys...)
		c.update(token, object{"name": "Renamed"}, keys...)
		same("token", object{"state": "REVOKED"}, c.send(http.MethodPatch, token+"/revoke", nil).object(200, keys...))
		c.remove(token)
		c.gone(token)
	}
	// Its meta has no `page` in it.
	reply := c.send(http.MethodGet, tokens, nil)
	list := reply.object(200, "data", "meta")
	reply.has(list["meta"].(object), "number", "size", "total")
	reply.items(list, "id", "name", "state", "expires_at")
}

// catalogue has groups that the SDK knows by name, letter by letter.
func catalogue(c *client) {
	groups := c.get(global + "/v3/roles")
	names := object{
		"control_planes": "Control Planes", "api_products": "API Products", "audit_logs": "Audit Logs", "identity": "Identity",
		"mesh_control_planes": "Mesh Control Plane",
	}
	for group, name := range names {
		found, _ := groups[group].(object)
		same(group, object{"name": name}, found)
		if roles, isObject := found["roles"].(object); !isObject || len(roles) == 0 {
			fail("%s has no roles", group)
		}
	}
}

func identityProviders(c *client) {
	providers := global + "/v3/identity-providers"
	keys := []string{"id", "type", "login_path", "config", "created_at", "updated_at"}
	discovery, issuer := discover()
	defer discovery.Close()
	body := object{"type": "oidc", "enabled": true, "login_path": loginPath("sdk"), "config": object{
		"issuer_url": issuer, "client_id": "latchkey", "client_secret": "s3cret", "scopes": []any{"email", "openid", "profile"},
		"claim_mappings": object{"name": "name", "email": "email", "groups": "groups"},
	}}
	made := c.create(providers, body, keys...)
	provider := providers + "/" + id(made)
	// A bare array, and the short form of a filter that older clients send.
	c.send(http.MethodGet, providers, nil).array(keys...)
	if found := c.send(http.MethodGet, providers+"?filter%5Btype%5D=oidc", nil).array(keys...); len(found) != 1 {
		fail("%d OIDC providers are found", len(found))
	}
	c.get(provider, keys...)
	c.update(provider, object{"enabled": true, "config": object{"client_id": "latchkey-2"}}, keys...)

	c.update(global+"/v3/authentication-settings", object{"oidc_auth_enabled": true}, "oidc_auth_enabled")
	stranger := &client{agent: c.agent}
	sent := stranger.send(http.MethodGet, global+"/v3/authenticate/"+loginPath("sdk")+"?return_to=%2F", nil)
	if where := sent.expect(302).header.Get("Location"); !strings.HasPrefix(where, issuer) {
		fail("signing in leads to %q", where)
	}
	c.update(global+"/v3/authentication-settings", object{"oidc_auth_enabled": false}, "oidc_auth_enabled")

	team := c.create(global+"/v3/teams", object{"name": "Mapped"}, teamKeys...)
	mappings := provider + "/team-group-mappings"
	mappingKeys := []string{"id", "team_id", "group", "created_at", "updated_at"}
	mapping := c.create(mappings, object{"team_id": id(team), "group": "devs"}, mappingKeys...)
	reply := c.send(http.MethodGet, mappings, nil)
	list := reply.object(200, "meta", "data")
	reply.has(list["meta"].(object)["page"].(object), "size")
	reply.items(list, mappingKeys...)
	c.get(mappings+"/"+id(mapping), mappingKeys...)
	c.remove(mappings + "/" + id(mapping))
	c.gone(mappings + "/" + id(mapping))
	c.remove(global + "/v3/teams/" + id(team))
	c.remove(provider)
	c.gone(provider)
}

// olderIdentityProvider is the API that there was before there could be several.
func olderIdentityProvider(c *client) {
	provider := global + "/v3/identity-provider"
	keys := []string{"issuer", "login_path", "client_id", "scopes", "claim_mappings"}
	c.update(provider, object{
		"issuer": "https://accounts.example.com", "login_path": loginPath("older"), "client_id": "latchkey", "client_secret": "s3cret",
		"scopes": []any{"openid", "email"}, "claim_mappings": object{"name": "name", "email": "email", "groups": "groups"},
	}, keys...)
	c.get(provider, keys...)
	team := c.create(global+"/v3/teams", object{"name": "Grouped"}, teamKeys...)
	replaced := object{"mappings": []any{object{"group": "devs", "team_ids": []any{id(team)}}}}
	c.send(http.MethodPut, provider+"/team-mappings", replaced).object(200, "data")
	c.send(http.MethodGet, provider+"/team-mappings", nil).object(200, "data", "meta")
	changed := object{"data": []any{object{"team_id": id(team), "groups": []any{"devs", "ops"}}}}
	c.update(provider+"/team-group-mappings", changed, "data", "meta")
	c.get(provider+"/team-group-mappings", "data", "meta")
	listed := c.send(http.MethodGet, global+"/v3/identity-providers?filter%5Btype%5D%5Beq%5D=oidc", nil).array("id")
	for _, provider := range listed {
		c.remove(global + "/v3/identity-providers/" + id(provider.(object)))
	}
	c.remove(global + "/v3/teams/" + id(team))
}

func appAuth(c *client) {
	providers := regional + "/v2/dcr-providers"
	keys := []string{"id", "name", "provider_type", "dcr_config", "issuer", "active", "created_at", "updated_at"}
	initial := object{"initial_client_id": "registrar", "initial_client_secret": "s3cret"}
	configs := map[string]object{
		"auth0": initial, "azureAd": initial, "curity": initial, "okta": {"dcr_token": "abc123xyz098!"},
		"http": {"dcr_base_url": "https://bridge.example.com", "api_key": "gYmrbDfu_7PTsZWH"},
	}
	made := map[string]string{}
	for kind, config := range configs {
		body := object{"name": kind, "provider_type": kind, "issuer": "https://idp.example.com", "dcr_config": config, "labels": object{"env": "test"}}
		provider := c.create(providers, body, keys...)
		for _, secret := range []string{"initial_client_secret", "dcr_token", "api_key"} {
			if _, shown := provider["dcr_config"].(object)[secret]; shown {
				fail("%s is shown", secret)
			}
		}
		made[kind] = id(provider)
	}
	c.list(providers, keys...)
	c.list(providers+"?filter%5Bprovider_type%5D=okta", keys...)
	c.list(providers+"?filter%5Bname%5D%5Beq%5D=okta", keys...)
	c.get(providers+"/"+made["http"], keys...)
	bridge := c.update(providers+"/"+made["http"], object{"dcr_config": object{"disable_event_hooks": true}}, keys...)
	same("dcr_config", object{"disable_event_hooks": true, "allow_multiple_credentials": false}, bridge["dcr_config"].(object))
	c.send(http.MethodPost, providers+"/"+made["http"]+"/verify", nil).object(200, "status", "errors")

	strategies := regional + "/v2/application-auth-strategies"
	strategyKeys := []string{"id", "name", "display_name", "strategy_type", "configs", "active", "labels", "created_at", "updated_at"}
	keyAuth := object{"name": "keys", "display_name": "Keys", "strategy_type": "key_auth", "configs": object{"key-auth": object{"key_names": []any{"x-api-key", "apikey"}}}}
	openID := object{"name": "oidc", "display_name": "OpenID", "strategy_type": "openid_connect", "dcr_provider_id": made["okta"], "configs": object{
		"openid-connect": object{
			"issuer": "https://idp.example.com", "credential_claim": []any{"sub", "azp"}, "scopes": []any{"openid", "email"},
			"auth_methods": []any{"client_credentials", "bearer"},
		},
	}}
	keyed := c.create(strategies, keyAuth, strategyKeys...)
	same("key auth", keyAuth, keyed)
	token := c.create(strategies, openID, strategyKeys...)
	same("OpenID", object{"configs": openID["configs"]}, token)
	reply := reply{what: "dcr_provider of a strategy"}
	reply.has(token["dcr_provider"].(object), "id", "name", "provider_type")
	c.list(strategies, strategyKeys...)
	c.list(strategies+"?filter%5Bstrategy_type%5D%5Beq%5D=openid_connect", strategyKeys...)
	one := strategies + "/" + id(token)
	c.get(one, strategyKeys...)
	merged := c.update(one, object{"configs": object{"openid-connect": object{"scopes": []any{"email"}}}, "dcr_provider_id": made["auth0"]}, strategyKeys...)
	same("merged", object{"configs": object{"openid-connect": object{"issuer": "https://idp.example.com", "scopes": []any{"email"}}}}, merged)
	openID["display_name"] = "Replaced"
	// Replacing answers 201, which is what the SDK takes for success.
	same("replaced", object{"display_name": "Replaced"}, c.send(http.MethodPut, one, openID).object(201, strategyKeys...))
	for _, strategy := range []object{keyed, token} {
		c.remove(strategies + "/" + id(strategy))
		c.gone(strategies + "/" + id(strategy))
	}
	for _, provider := range made {
		c.remove(providers + "/" + provider)
		c.gone(providers + "/" + provider)
	}
}

// refusals have to be read, too.
func refusals(c *client) {
	c.send(http.MethodPost, global+"/v3/teams", object{"name": ""}).problem(400)
	c.send(http.MethodGet, global+"/v3/teams?page%5Bsize%5D=0", nil).problem(400)
	c.send(http.MethodPost, regional+"/v2/application-auth-strategies", object{"strategy_type": "none"}).problem(400)
	c.send(http.MethodPost, global+"/v3/users/me", object{}).expect(405)
	nobody := &client{agent: c.agent}
	nobody.send(http.MethodGet, global+"/v3/teams", nil).problem(401)
}

// discover serves what an OpenID provider says of itself.
func discover() (net.Listener, string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail("%v", err)
	}
	issuer := "http://" + listener.Addr().String()
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":"%[1]s","authorization_endpoint":"%[1]s/auth","token_endpoint":"%[1]s/token","jwks_uri":"%[1]s/jwks"}`, issuer)
	}))
	return listener, issuer
}

// loginPath is one that nobody else in the installation has.
func loginPath(name string) string { return name + "-" + started }

var started = fmt.Sprint(time.Now().UnixNano())
