// The program stepca is a real step-ca for tests and for the quick start: the
// CA of smallstep's own Go library, with a PKI that it makes by itself.
//
// Start it through stepca.sh, which sets STEPPATH to the CA's directory: the
// library reads STEPPATH before main and would make ~/.step without it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"go.step.sm/cli-utils/step"
)

// provisionerName is the JWK provisioner that every CA made here has; its
// password and that of the CA's keys is the content of the file "password".
const provisionerName = "tests"

type command struct {
	name string
	run  func(args []string) error
}

var commands = []command{
	{"init", initialise},
	{"run", run},
	{"issue", issue},
}

func passwordPath() string {
	return filepath.Join(step.Path(), "password")
}

func main() {
	if len(os.Args) > 1 {
		for _, c := range commands {
			if c.name != os.Args[1] {
				continue
			}
			if err := c.run(os.Args[2:]); err != nil {
				fmt.Fprintf(os.Stderr, "stepca %s: %v\n", c.name, err)
				os.Exit(1)
			}
			return
		}
	}
	fmt.Fprintln(os.Stderr, "stepca: call it as stepca.sh init|run|issue; see stepca.sh --help")
	os.Exit(2)
}
