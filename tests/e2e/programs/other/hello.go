// Looks up a name and runs a program: with cgo, through libc.
package main

import (
	"fmt"
	"net"
	"os/exec"
)

func main() {
	addresses, err := net.LookupHost("localhost")
	fmt.Println(len(addresses) > 0, err)
	out, err := exec.Command("/bin/echo", "from go").CombinedOutput()
	fmt.Print(string(out), err, "\n")
}
