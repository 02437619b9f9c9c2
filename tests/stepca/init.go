package main

import (
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/authority/provisioner"
	"github.com/smallstep/certificates/cas/apiv1"
	"github.com/smallstep/certificates/pki"
	"go.step.sm/cli-utils/step"
)

// initialise makes what `step ca init --acme` makes in the CA's directory: a root,
// an intermediate, a JWK provisioner and an ACME one, and the configuration.
func initialise(args []string) error {
	flags := flag.NewFlagSet("init", flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:9000", "where the CA will listen")
	names := flags.String("dns", "localhost,127.0.0.1", "the names in the CA's own certificate")
	name := flags.String("name", "Test", "the name that the subjects begin with")
	flags.Parse(args)

	// The CA's keys are never mixed with those of an earlier one.
	if entries, err := os.ReadDir(step.Path()); err != nil {
		return err
	} else if len(entries) != 0 {
		return fmt.Errorf("%s is not empty", step.Path())
	}

	password, err := makePassword()
	if err != nil {
		return err
	}
	p, err := pki.New(apiv1.Options{Type: apiv1.SoftCAS, IsCreator: true},
		pki.WithAddress(*address),
		pki.WithDNSNames(strings.Split(*names, ",")),
		pki.WithProvisioner(provisionerName),
		pki.WithACME(),
		pki.WithDeploymentType(pki.StandaloneDeployment))
	if err != nil {
		return err
	}
	if err := makeCertificates(p, *name, password); err != nil {
		return err
	}

	// step-ca's limit of 24 hours would be in the way of tests of renewal.
	longest := &provisioner.Duration{Duration: 10 * 365 * 24 * time.Hour}
	err = quietly(func() error {
		return p.Save(func(c *config.Config) error {
			c.AuthorityConfig.Claims = &provisioner.Claims{MaxTLSDur: longest}
			return nil
		})
	})
	if err != nil {
		return err
	}
	fmt.Println(p.GetRootFingerprint())
	return nil
}

// quietly runs f without what it says on standard error: Save congratulates on
// the new PKI and asks for feedback. Errors it returns.
func quietly(f func() error) error {
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer nowhere.Close()
	stderr := os.Stderr
	os.Stderr = nowhere
	defer func() { os.Stderr = stderr }()
	return f()
}

func makePassword() ([]byte, error) {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	password := []byte(hex.EncodeToString(random))
	return password, os.WriteFile(passwordPath(), password, 0600)
}

func makeCertificates(p *pki.PKI, name string, password []byte) error {
	if err := p.GenerateKeyPairs(password); err != nil {
		return err
	}
	root, err := p.GenerateRootCertificate(name, name, name, password)
	if err != nil {
		return err
	}
	return p.GenerateIntermediateCertificate(name, name, name, root, password)
}
