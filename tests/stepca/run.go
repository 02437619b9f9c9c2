package main

import (
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"

	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/ca"
	"go.step.sm/cli-utils/step"
)

// run is step-ca itself, in the foreground, until SIGTERM or SIGINT.
func run(args []string) error {
	flags := flag.NewFlagSet("run", flag.ExitOnError)
	flags.Parse(args)

	password, err := os.ReadFile(passwordPath())
	if err != nil {
		return err
	}
	path := filepath.Join(step.Path(), "config", "ca.json")
	cfg, err := config.LoadConfiguration(path)
	if err != nil {
		return err
	}
	authority, err := ca.New(cfg, ca.WithConfigFile(path), ca.WithPassword(password))
	if err != nil {
		return err
	}
	go ca.StopReloaderHandler(authority)
	if err := authority.Run(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
