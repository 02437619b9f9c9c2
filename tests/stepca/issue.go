package main

import (
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/smallstep/certificates/api"
	"github.com/smallstep/certificates/ca"
	"go.step.sm/cli-utils/step"
	"go.step.sm/crypto/pemutil"
)

// defaults is what init wrote for clients of the CA.
type defaults struct {
	URL  string `json:"ca-url"`
	Root string `json:"root"`
}

// issue asks the running CA for a certificate, with a one-time token and POST
// /sign, as `step ca certificate` does.
func issue(args []string) error {
	flags := flag.NewFlagSet("issue", flag.ExitOnError)
	certificate := flags.String("cert", "", "the file to write the chain to, leaf first")
	key := flags.String("key", "", "the file to write the private key to, mode 0600")
	notAfter := flags.String("not-after", "", "end of validity: a time (RFC 3339) or a duration (\"8h\")")
	flags.Parse(args)
	names := flags.Args()
	if *certificate == "" || *key == "" || len(names) == 0 {
		return fmt.Errorf("--cert, --key and at least one name are needed")
	}

	provisioner, err := connect()
	if err != nil {
		return err
	}
	token, err := provisioner.Token(names[0], names...)
	if err != nil {
		return err
	}
	request, private, err := ca.CreateSignRequest(token)
	if err != nil {
		return err
	}
	if request.NotAfter, err = api.ParseTimeDuration(*notAfter); err != nil {
		return err
	}
	answer, err := provisioner.Sign(request)
	if err != nil {
		return err
	}
	if _, err := pemutil.Serialize(private, pemutil.ToFile(*key, 0600)); err != nil {
		return err
	}
	return writeChain(*certificate, answer.CertChainPEM)
}

// connect is a client of the running CA with the provisioner's key decrypted.
func connect() (*ca.Provisioner, error) {
	password, err := os.ReadFile(passwordPath())
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(step.Path(), "config", "defaults.json"))
	if err != nil {
		return nil, err
	}
	var d defaults
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	return ca.NewProvisioner(provisionerName, "", d.URL, password, ca.WithRootFile(d.Root))
}

func writeChain(path string, chain []api.Certificate) error {
	var text []byte
	for _, c := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return os.WriteFile(path, text, 0644)
}
