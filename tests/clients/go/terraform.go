package main

import (
	"net/http"
	"reflect"
	"strings"
	"time"
)

// resource is one of the provider's: what it sends, and where what it made is read, changed and removed.
type resource struct {
	name   string
	create string
	// Attributes that the configuration leaves out are null in what is sent.
	plan object
	// Attributes that it leaves out and the server chooses: null in what is sent, too.
	computed []string
	// The same object after the configuration changed; without one a change replaces it.
	changed object
	// Whether it can be read: memberships cannot, and have no import.
	unread bool
	keys   []string
}

// terraform takes each resource through create, plan, import, plan, update, plan and destroy. A plan is a read, whose
// result must be what was planned; an import is a read by the id alone.
func terraform(c *client) {
	teams, accounts := global+"/v3/teams", global+"/v3/system-accounts"
	me := c.get(global+"/v3/users/me", "id")
	team := c.apply(resource{
		name: "konnect_team", create: teams, plan: object{"name": "Terraform", "description": nil, "labels": object{}},
		changed: object{"name": "Terraform", "description": "Said now", "labels": object{"env": "test"}}, keys: teamKeys,
	})
	described := c.apply(resource{
		name: "konnect_team", create: teams, plan: object{"name": "Described", "description": "Once", "labels": object{"a": "b"}},
		changed: object{"name": "Described", "description": nil, "labels": object{"a": "c", "d": "e"}}, keys: teamKeys,
	})
	account := c.apply(resource{
		name: "konnect_system_account", create: accounts,
		plan:    object{"name": "terraform", "description": "Runs", "konnect_managed": false},
		changed: object{"name": "terraform-2", "description": "Runs again"}, keys: []string{"id"},
	})
	unmanaged := c.apply(resource{
		name: "konnect_system_account", create: accounts, plan: object{"name": "null", "description": ""},
		computed: []string{"konnect_managed"}, changed: object{"name": "null", "description": "Said"}, keys: []string{"id"},
	})
	until := time.Now().AddDate(0, 2, 0).UTC().Truncate(time.Second).Format(time.RFC3339)
	token := c.apply(resource{
		name: "konnect_system_account_access_token", create: accounts + "/" + account + "/access-tokens",
		plan: object{"name": "ci", "expires_at": until}, changed: object{"name": "cd"}, keys: []string{"id"},
	})
	teamRole := c.apply(resource{name: "konnect_team_role", create: teams + "/" + team + "/assigned-roles", plan: role, keys: roleKeys})
	accountRole := c.apply(resource{
		name: "konnect_system_account_role", create: accounts + "/" + account + "/assigned-roles",
		plan: object{"role_name": "Admin", "entity_id": nil, "entity_type_name": "Identity", "entity_region": "*"}, keys: roleKeys,
	})
	c.apply(resource{name: "konnect_team_user", create: teams + "/" + team + "/users", plan: object{"id": id(me)}, unread: true})
	c.apply(resource{name: "konnect_system_account_team", create: teams + "/" + team + "/system-accounts", plan: object{"id": account}, unread: true})

	oidc := object{"issuer_url": "https://accounts.example.com", "client_id": "latchkey", "scopes": []any{"email", "openid", "profile"}}
	other := object{
		"issuer_url": "https://accounts.example.com", "client_id": "latchkey-2", "scopes": []any{"openid", "email"},
		"claim_mappings": object{"name": "nick", "email": "email", "groups": "groups"},
	}
	provider := c.apply(resource{
		name: "konnect_identity_provider", create: global + "/v3/identity-providers",
		plan:    object{"type": "oidc", "enabled": false, "login_path": loginPath("tf"), "config": oidc},
		changed: object{"enabled": true, "login_path": loginPath("tf-2"), "config": other}, keys: []string{"id", "config"},
	})
	saml := c.apply(resource{
		name: "konnect_identity_provider", create: global + "/v3/identity-providers",
		plan:    object{"type": "saml", "enabled": false, "login_path": loginPath("tf-saml"), "config": object{"idp_metadata_url": "https://mocksaml.com/api/saml/metadata", "idp_metadata_xml": nil}},
		changed: object{"enabled": false, "login_path": loginPath("tf-saml"), "config": object{"idp_metadata_url": "https://mocksaml.com/metadata", "idp_metadata_xml": nil}},
		keys:    []string{"id", "config"},
	})
	shown := c.get(global+"/v3/identity-providers/"+saml, "config")
	reply{what: "the computed attributes of a SAML provider"}.has(shown["config"].(object), "sp_metadata_url", "sp_entity_id", "login_url", "callback_url")
	mapping := c.apply(resource{
		name: "konnect_identity_provider_team_group_mapping", create: global + "/v3/identity-providers/" + provider + "/team-group-mappings",
		plan: object{"team_id": team, "group": "devs"}, keys: []string{"id", "team_id", "group", "created_at", "updated_at"},
	})
	authenticationSettings(c)
	strategyKeys := []string{"id", "name", "display_name", "strategy_type", "configs", "active", "labels", "created_at", "updated_at"}
	strategies := global + "/v2/application-auth-strategies"
	keyed := c.apply(resource{
		name: "konnect_application_auth_strategy", create: strategies, keys: strategyKeys,
		plan: object{"name": "keys", "display_name": "Keys", "strategy_type": "key_auth", "labels": object{}, "configs": object{"key-auth": object{"key_names": []any{"z", "a"}}}},
	})
	if strategy := c.get(strategies+"/"+keyed, strategyKeys...); strategy["dcr_provider"] != nil || strategy["supports_multiple_credentials"] == false {
		fail("inconsistent result after apply: %v", strategy)
	}
	openID := c.apply(resource{
		name: "konnect_application_auth_strategy", create: strategies, keys: strategyKeys,
		plan: object{
			"name": "oidc", "display_name": "OpenID", "strategy_type": "openid_connect", "dcr_provider_id": nil, "labels": object{"env": "test"},
			"configs": object{"openid-connect": object{
				"issuer": "https://idp.example.com", "credential_claim": []any{"sub", "azp"}, "scopes": []any{"openid", "email"}, "auth_methods": []any{"bearer"},
			}},
		},
	})
	// Whatever else comes back becomes an attribute that nobody configured.
	configs := c.get(strategies+"/"+openID, strategyKeys...)["configs"].(object)["openid-connect"].(object)
	if len(configs) != 4 {
		fail("four settings were planned, found %v", configs)
	}
	dataSources(c, team, account)

	c.destroy(strategies+"/"+keyed, strategies+"/"+openID)
	c.destroy(global+"/v3/identity-providers/"+provider+"/team-group-mappings/"+mapping, global+"/v3/identity-providers/"+saml, global+"/v3/identity-providers/"+provider)
	for _, member := range []string{"/users/" + id(me), "/system-accounts/" + account} {
		c.remove(teams + "/" + team + member)
		c.sendWith(http.MethodDelete, teams+"/"+team+member, nil, onlyProblems).problem(404)
	}
	c.destroy(
		accounts+"/"+account+"/assigned-roles/"+accountRole, teams+"/"+team+"/assigned-roles/"+teamRole,
		accounts+"/"+account+"/access-tokens/"+token, accounts+"/"+account, accounts+"/"+unmanaged, teams+"/"+team, teams+"/"+described,
	)
}

func (c *client) destroy(urls ...string) {
	for _, url := range urls {
		c.remove(url)
		c.gone(url)
	}
}

// apply makes a resource, and plans, imports and changes it; its id.
func (c *client) apply(r resource) string {
	if r.unread {
		c.sendWith(http.MethodPost, r.create, r.plan, onlyProblems).expect(201)
		return ""
	}
	sent := withSecret(r.plan)
	for _, key := range r.computed {
		sent[key] = nil
	}
	made := c.create(r.create, sent, r.keys...)
	same(r.name, r.plan, made)
	one := r.create + "/" + id(made)
	for _, what := range []string{"the plan after creating", "the plan after importing"} {
		same(r.name+", "+what, r.plan, c.get(one, r.keys...))
	}
	if r.changed != nil {
		same(r.name+", changed", r.changed, c.update(one, withSecret(r.changed), r.keys...))
		same(r.name+", the plan after changing", r.changed, c.get(one, r.keys...))
	}
	return id(made)
}

// withSecret is what is sent: the configuration of an OpenID provider has its secret each time, and null for claims
// that are left to the server. What comes back has no secret.
func withSecret(plan object) object {
	sent := copied(plan)
	if config, isObject := plan["config"].(object); isObject && config["issuer_url"] != nil {
		whole := object{"client_secret": "s3cret", "claim_mappings": nil}
		for key, value := range config {
			whole[key] = value
		}
		sent["config"] = whole
	}
	return sent
}

func copied(from object) object {
	to := object{}
	for key, value := range from {
		to[key] = value
	}
	return to
}

// authenticationSettings is made and changed by PATCH. Removing it sets constants, at the host that the provider was
// configured with: the one call of identity that goes there.
func authenticationSettings(c *client) {
	settings := "/v3/authentication-settings"
	plan := object{"basic_auth_enabled": true, "idp_mapping_enabled": nil, "konnect_mapping_enabled": true, "oidc_auth_enabled": nil, "saml_auth_enabled": nil}
	known := object{"basic_auth_enabled": true, "konnect_mapping_enabled": true}
	for _, after := range []object{c.update(global+settings, plan), c.get(global + settings), c.get(global + settings)} {
		same("konnect_authentication_settings", known, after)
	}
	plan["idp_mapping_enabled"] = true
	same("konnect_authentication_settings, changed", object{"idp_mapping_enabled": true}, c.update(global+settings, plan))
	same("konnect_authentication_settings, the plan after changing", object{"idp_mapping_enabled": true}, c.get(global+settings))
	reset := object{
		"basic_auth_enabled": true, "oidc_auth_enabled": false, "saml_auth_enabled": false, "idp_mapping_enabled": false,
		"konnect_mapping_enabled": true,
	}
	same("konnect_authentication_settings, destroyed", reset, c.update(regional+settings, reset))
}

// dataSources take the first that is found, or all pages.
func dataSources(c *client, team, account string) {
	first := func(list, wanted string) {
		found := c.list(list, "id")
		if len(found) == 0 || id(found[0].(object)) != wanted {
			fail("%s finds %v", list, found)
		}
	}
	first(global+"/v3/teams?filter%5Bname%5D%5Beq%5D=Terraform", team)
	first(global+"/v3/teams?filter%5Bname%5D%5Bcontains%5D=erraf", team)
	first(global+"/v3/system-accounts?filter%5Bname%5D%5Beq%5D=terraform-2", account)
	first(global+"/v3/system-accounts?filter%5Bdescription%5D%5Bcontains%5D=again&filter%5Bkonnect_managed%5D=false", account)
	c.everyPage(global + "/v3/teams")
	c.everyPage(global + "/v3/system-accounts")
}

// same fails where what came back differs from what was planned: null and absent are the same, the order of arrays
// counts, members that were not planned do not, and moments are compared to the second.
func same(what string, planned, found object) {
	for key, wanted := range planned {
		difference(what+"."+key, wanted, found[key])
	}
}

func difference(what string, wanted, found any) {
	if inner, isObject := wanted.(object); isObject {
		members, isObject := found.(object)
		if !isObject && len(inner) > 0 {
			fail("%s: planned %v, found %v", what, wanted, found)
		}
		same(what, inner, members)
		return
	}
	if text, isText := wanted.(string); isText && strings.HasSuffix(what, "_at") {
		foundText, _ := found.(string)
		planned, _ := time.Parse(time.RFC3339Nano, text)
		moment, err := time.Parse(time.RFC3339Nano, foundText)
		if err != nil || planned.Unix() != moment.Unix() {
			fail("%s: planned %v, found %v", what, wanted, found)
		}
		return
	}
	if !reflect.DeepEqual(wanted, found) {
		fail("%s: planned %v, found %v", what, wanted, found)
	}
}
