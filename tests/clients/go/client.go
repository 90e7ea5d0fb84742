package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"
)

// The hosts that the clients have built in.
const (
	global   = "https://global.api.konghq.com"
	regional = "https://us.api.konghq.com"
)

// Listed by the clients for operations whose success has no body.
const onlyProblems = "application/problem+json"

type object = map[string]any

type client struct {
	token, agent string
	calls        int
}

// As the generated clients have it: their timeout, Go's transport, and no redirect followed, so that it can be seen.
var transport = &http.Client{
	Timeout:       60 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// reply is what came back, and what it was an answer to.
type reply struct {
	what   string
	status int
	header http.Header
	body   []byte
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "FAILED: "+format+"\n", args...)
	os.Exit(1)
}

func (c *client) send(method, url string, body any) reply {
	return c.sendWith(method, url, body, "")
}

func (c *client) sendWith(method, url string, body any, accept string) reply {
	if accept == "" {
		accept = "application/json;q=1, application/problem+json;q=0"
	}
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			fail("%s %s: %v", method, url, err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, url, content)
	if err != nil {
		fail("%s %s: %v", method, url, err)
	}
	request.Header.Set("Accept", accept)
	request.Header.Set("User-Agent", c.agent)
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	// A command line tool sends it with what has no body, too.
	if body != nil || method == http.MethodGet || method == http.MethodDelete {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := transport.Do(request)
	if err != nil {
		fail("%s %s: %v", method, url, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		fail("%s %s: %v", method, url, err)
	}
	c.calls++
	return reply{method + " " + url, response.StatusCode, response.Header, text}
}

func (r reply) fail(format string, args ...any) {
	fail("%s: %s\n%d %s\n%s", r.what, fmt.Sprintf(format, args...), r.status, r.header.Get("Content-Type"), r.body)
}

func (r reply) decode(media string) any {
	// An absent content type is read as bytes, which is an error in the clients.
	found, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil || found != media {
		r.fail("unknown content-type received, where %s was expected", media)
	}
	var value any
	if err := json.Unmarshal(r.body, &value); err != nil {
		r.fail("%v", err)
	}
	r.moments(value)
	return value
}

// moments are parsed wherever a member is named as one.
func (r reply) moments(value any) {
	switch value := value.(type) {
	case object:
		for key, member := range value {
			text, isText := member.(string)
			if isText && strings.HasSuffix(key, "_at") {
				if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
					r.fail("%s: %v", key, err)
				}
			}
			r.moments(member)
		}
	case []any:
		for _, member := range value {
			r.moments(member)
		}
	}
}

func (r reply) expect(status int) reply {
	if r.status != status {
		r.fail("unknown status code returned, where %d was expected", status)
	}
	return r
}

// object is a success with a JSON object that has these members; null counts, as the decoder looks for the key alone.
func (r reply) object(status int, keys ...string) object {
	value, isObject := r.expect(status).decode("application/json").(object)
	if !isObject {
		r.fail("no object")
	}
	r.has(value, keys...)
	return value
}

func (r reply) has(value object, keys ...string) {
	for _, key := range keys {
		if _, found := value[key]; !found {
			r.fail("missing required member %q in %v", key, value)
		}
	}
}

// page is a list with page numbers: an array that is never null, and a total.
func (r reply) page(keys ...string) []any {
	value := r.object(200, "data", "meta")
	meta, _ := value["meta"].(object)
	page, _ := meta["page"].(object)
	r.has(page, "number", "size", "total")
	if total, isNumber := page["total"].(float64); !isNumber || total < float64(len(r.items(value, keys...))) {
		r.fail("the total is no number of what there is")
	}
	return r.items(value, keys...)
}

func (r reply) items(value object, keys ...string) []any {
	data, isArray := value["data"].([]any)
	if !isArray {
		r.fail("data is no array")
	}
	for _, item := range data {
		member, isObject := item.(object)
		if !isObject {
			r.fail("an item that is no object")
		}
		r.has(member, keys...)
	}
	return data
}

// array is a list without an object around it.
func (r reply) array(keys ...string) []any {
	value, isArray := r.expect(200).decode("application/json").([]any)
	if !isArray {
		r.fail("no array")
	}
	return r.items(object{"data": value}, keys...)
}

// problem is a failure that the clients can tell: with all four members, its status a number.
func (r reply) problem(status int) object {
	value, isObject := r.expect(status).decode("application/problem+json").(object)
	if !isObject {
		r.fail("no object")
	}
	r.has(value, "status", "title", "instance", "detail")
	if number, isNumber := value["status"].(float64); !isNumber || int(number) != status {
		r.fail("status is not the number %d", status)
	}
	if status == http.StatusBadRequest {
		r.has(value, "invalid_parameters")
		for _, item := range r.items(object{"data": value["invalid_parameters"]}, "field", "reason") {
			parameter := item.(object)
			needs := map[any][]string{"enum": {"choices"}, "min": {"minimum"}, "max": {"maximum"}}[parameter["rule"]]
			r.has(parameter, needs...)
		}
	}
	return value
}

// The calls, by what their success is.

func (c *client) get(url string, keys ...string) object {
	return c.send(http.MethodGet, url, nil).object(200, keys...)
}

func (c *client) list(url string, keys ...string) []any {
	return c.send(http.MethodGet, url, nil).page(keys...)
}

func (c *client) create(url string, body any, keys ...string) object {
	return c.send(http.MethodPost, url, body).object(201, keys...)
}

func (c *client) update(url string, body any, keys ...string) object {
	return c.send(http.MethodPatch, url, body).object(200, keys...)
}

// join adds a member: what comes back is not read.
func (c *client) join(url, id string) {
	c.sendWith(http.MethodPost, url, object{"id": id}, onlyProblems).expect(201)
}

func (c *client) remove(url string) {
	c.sendWith(http.MethodDelete, url, nil, onlyProblems).expect(204)
}

// gone is what a removed object is to a client: a problem that it can read, on looking and on removing again.
func (c *client) gone(url string) {
	c.send(http.MethodGet, url, nil).problem(404)
	c.sendWith(http.MethodDelete, url, nil, onlyProblems).problem(404)
}

func text(value object, key string) string {
	found, isText := value[key].(string)
	if !isText || found == "" {
		fail("no %s in %v", key, value)
	}
	return found
}

func id(value object) string { return text(value, "id") }
