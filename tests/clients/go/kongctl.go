package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// kongctl signs in by code, keeps its session, and reads what its commands and its own suite's reset read.
func kongctl(c *client) {
	session := &client{token: login(c), agent: c.agent}
	session.get(global+"/v3/users/me", "id", "email")
	session.get(global+"/v3/organizations/me", "id", "name", "state", "owner_id", "login_path", "retention_period_days")
	c.calls += session.calls

	regions := (&client{agent: c.agent}).get(global+"/v3/available-regions", "regions")
	reply{what: "the regions"}.has(regions["regions"].(object), "stable", "stable_opt_in", "beta")
	c.calls++
	me := c.get(global+"/v3/users/me", "id")
	for _, list := range []string{"/v3/users", "/v3/teams", "/v3/system-accounts", "/v3/users/" + id(me) + "/teams"} {
		c.counted(global + list)
	}
	c.counted(regional + "/v2/application-auth-strategies")
	c.counted(regional + "/v2/dcr-providers")
	c.list(global+"/v3/users/"+id(me)+"/assigned-roles", roleKeys...)
	rotation(c, id(me))
	adoption(c)
	for _, foreign := range []string{
		"/v3/apis", "/v3/portals", "/v3/portals/email-domains", "/v3/audit-log-destinations", "/v2/control-planes", "/v2/dashboards",
	} {
		c.list(regional+foreign, "id")
	}
	for _, foreign := range []string{"/v1/catalog-services", "/v1/event-gateways", "/v1/ai-gateways"} {
		reply := c.send(http.MethodGet, regional+foreign, nil)
		reply.items(reply.object(200, "data", "meta"))
	}
}

// counted pages as the tool does, until it has as many as the total says: it would never end if there were fewer.
func (c *client) counted(list string) {
	for found, number := 0, 1; ; number++ {
		reply := c.send(http.MethodGet, fmt.Sprintf("%s?page%%5Bsize%%5D=10&page%%5Bnumber%%5D=%d", list, number), nil)
		page := reply.page("id")
		found += len(page)
		total := reply.object(200)["meta"].(object)["page"].(object)["total"].(float64)
		if found >= int(total) {
			return
		}
		if len(page) == 0 {
			reply.fail("%d are found of %v", found, total)
		}
	}
}

// rotation makes a token of either kind and ends it.
func rotation(c *client, me string) {
	personal := global + "/v3/users/" + me + "/access-tokens"
	made := c.create(personal, object{"name": "kongctl", "ttl_seconds": 86400}, "id", "konnect_token")
	c.remove(personal + "/" + id(made))
	account := global + "/v3/system-accounts/" + id(c.create(global+"/v3/system-accounts", object{"name": "kongctl", "description": ""}, "id"))
	until := time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339)
	token := c.create(account+"/access-tokens", object{"name": "ci", "expires_at": until}, "id", "token")
	c.list(account+"/access-tokens?filter%5Bname%5D%5Beq%5D=ci", "id")
	c.remove(account + "/access-tokens/" + id(token))
	c.remove(account)
}

// adoption marks what there is by labels, and frees it again.
func adoption(c *client) {
	team := global + "/v3/teams/" + id(c.create(global+"/v3/teams", object{"name": "Adopted", "labels": object{"env": "test"}}, "id"))
	adopted := c.update(team, object{"labels": object{"env": "test", "KONGCTL-namespace": "ns", "KONGCTL-protected": "true"}}, "id")
	same("adopted", object{"labels": object{"KONGCTL-namespace": "ns", "KONGCTL-protected": "true"}}, adopted)
	freed := c.update(team, object{"labels": object{"KONGCTL-namespace": nil, "KONGCTL-protected": nil}}, "labels")
	if labels := freed["labels"].(object); len(labels) != 1 {
		fail("labels are left: %v", labels)
	}
	c.remove(team)
}

// login is the device grant, to the letter: forms without a content type, every refusal but one is the end, and the
// session is kept by a cookie at the regional host.
func login(c *client) string {
	const tool = "344f59db-f401-4ce7-9407-00a0823fbacf"
	device := global + "/v3/internal/oauth/device"
	asked := c.form(device+"/authorize", url.Values{"client_id": {tool}}, 200)
	for _, key := range []string{"device_code", "user_code", "verification_uri", "verification_uri_complete"} {
		text(asked, key)
	}
	for _, key := range []string{"interval", "expires_in"} {
		if number, isNumber := asked[key].(float64); !isNumber || number == 0 {
			fail("%s is %v", key, asked[key])
		}
	}
	poll := url.Values{"client_id": {tool}, "device_code": {text(asked, "device_code")}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}}
	same("a poll before the person has agreed", object{"error": "authorization_pending"}, c.form(device+"/token", poll, 400))
	agree(c, device, text(asked, "user_code"))
	time.Sleep(time.Duration(asked["interval"].(float64)) * time.Second)
	granted := c.form(device+"/token", poll, 200)
	access, refresh := text(granted, "access_token"), text(granted, "refresh_token")
	parts := strings.Split(access, ".")
	if len(parts) == 3 {
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		var read struct{ Exp int64 }
		if err != nil || json.Unmarshal(claims, &read) != nil || read.Exp <= time.Now().Unix() {
			fail("an access token whose expiry cannot be read")
		}
	}

	request, _ := http.NewRequest(http.MethodPost, regional+"/kauth/api/v1/refresh", nil)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", c.agent)
	request.AddCookie(&http.Cookie{Name: "konnectrefreshtoken", Value: refresh})
	response, err := transport.Do(request)
	if err != nil || response.StatusCode != 200 {
		fail("refreshing: %v %v", err, response)
	}
	response.Body.Close()
	c.calls++
	renewed := map[string]string{}
	for _, cookie := range response.Cookies() {
		if cookie.Name != "konnectrefreshtoken" || cookie.Path == "/kauth/api/v1/refresh" {
			renewed[cookie.Name] = cookie.Value
		}
	}
	if renewed["konnectrefreshtoken"] == "" || renewed["konnectaccesstoken"] == "" {
		fail("refreshing sets %v", response.Cookies())
	}
	return renewed["konnectaccesstoken"]
}

// form sends one without saying that it is one, and reads JSON whatever its content type.
func (c *client) form(address string, fields url.Values, status int) object {
	request, _ := http.NewRequest(http.MethodPost, address, strings.NewReader(fields.Encode()))
	request.Header.Set("User-Agent", c.agent)
	response, err := transport.Do(request)
	if err != nil {
		fail("%s: %v", address, err)
	}
	defer response.Body.Close()
	c.calls++
	body, _ := io.ReadAll(response.Body)
	var value object
	if err := json.Unmarshal(body, &value); err != nil || response.StatusCode != status {
		fail("%s: %d %s", address, response.StatusCode, body)
	}
	return value
}

// agree is what the person does in a browser: signs in, enters the code, and confirms.
func agree(c *client, device, code string) {
	person := c.send(http.MethodPost, global+"/kauth/api/v1/authenticate", object{"username": os.Getenv("OWNER"), "password": os.Getenv("OWNER_PASSWORD")})
	if person.status >= 300 {
		person.fail("the person cannot sign in")
	}
	cookies := (&http.Response{Header: person.header}).Cookies()
	for _, cookie := range cookies {
		if cookie.Name == "konnectaccesstoken" {
			signedIn := &client{token: cookie.Value, agent: c.agent}
			entered := signedIn.create(device+"/authorize/user", object{"user_code": code}, "organization_name", "user", "metadata")
			reply{what: "the metadata"}.has(entered["metadata"].(object), "client_name", "user_agent", "source_ip", "requested_at")
			signedIn.send(http.MethodPatch, device+"/confirm", object{"user_code": code}).expect(204)
			c.calls += signedIn.calls
			return
		}
	}
	person.fail("no session")
}
