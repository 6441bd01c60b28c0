//go:build tools

// The CLI, which this module pins and which is built beside the language host.
package main

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
