// What the published Go clients send and how they read what comes back, over Go's own HTTP, TLS and proxy settings,
// which are theirs too.
//
// This is not them: not every module proxy has their modules, so nothing here can depend on those. It is what their
// sources say: hosts that no setting changes, headers, explicit nulls, the one status that counts as success, and
// decoding that fails on a missing member or another content type.
//
//	clients sdk        every public operation, as the Go SDK
//	clients terraform  each resource from create to destroy, as the Terraform provider
//	clients kongctl    signing in by code, and what commands read, as the command line tool
package main

import (
	"fmt"
	"os"
)

func main() {
	suites := map[string]func(*client){"sdk": sdk, "terraform": terraform, "kongctl": kongctl}
	if len(os.Args) != 2 || suites[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: clients sdk|terraform|kongctl")
		os.Exit(2)
	}
	name, variable := os.Args[1], "KONNECT_TOKEN"
	if name == "kongctl" {
		variable = "KONGCTL_DEFAULT_KONNECT_PAT"
	}
	token := os.Getenv(variable)
	if token == "" {
		fmt.Fprintln(os.Stderr, variable+" is missing: set the variables that `latchkey env` prints")
		os.Exit(2)
	}
	agent := map[string]string{
		"sdk":       "speakeasy-sdk/go 0.62.0 2.932.9 3.15.0 github.com/Kong/sdk-konnect-go",
		"kongctl":   "kongctl/dev",
		"terraform": "speakeasy-sdk/terraform 3.19.0 2.897.1 2.0.0 github.com/kong/terraform-provider-konnect/v3/internal/sdk",
	}[name]
	c := &client{token: token, agent: agent}
	suites[name](c)
	fmt.Printf("%s: %d calls, each answered as the client expects\n", name, c.calls)
}
