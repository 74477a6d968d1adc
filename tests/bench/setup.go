package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/wsgid/wsgid/tests/certificate"
	"github.com/wsgid/wsgid/tests/peers"
)

// setup is how servers are configured beside the application.
type setup struct {
	static bool // files at /static/
	tls    bool // one more port, with TLS
	hosts  int  // virtual hosts, beside one of the server's own
}

// The URL paths of the files, named as they are below fileDirectory.
const (
	fileDirectory = "static"
	smallPath     = "/static/4k.bin"
	largePath     = "/static/10m.bin"
)

// writeFiles makes the files that are served as they are.
func writeFiles(dir string) error {
	if err := os.Mkdir(filepath.Join(dir, fileDirectory), 0o755); err != nil {
		return fmt.Errorf("cannot make directory of files: %w", err)
	}
	for path, size := range map[string]int{smallPath: smallFile, largePath: largeFile} {
		if err := os.WriteFile(filepath.Join(dir, path), requestBody(size), 0o644); err != nil {
			return fmt.Errorf("cannot write file: %w", err)
		}
	}
	return nil
}

// The certificate and its key, in the working directory.
const (
	certificateFile = "certificate.pem"
	keyFile         = "key.pem"
)

// writeCertificate makes a certificate, and a key that the servers' user alone can read.
func (b *bench) writeCertificate() error {
	chain, key, err := certificate.New(1, "localhost")
	if err != nil {
		return fmt.Errorf("cannot make a certificate: %w", err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, certificateFile), []byte(chain), 0o644); err != nil {
		return fmt.Errorf("cannot write certificate: %w", err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, keyFile), []byte(key), 0o600); err != nil {
		return fmt.Errorf("cannot write key: %w", err)
	}
	return b.account.Own(filepath.Join(b.dir, keyFile))
}

// site is what a server is told. Every server gets ports of its own.
func (b *bench) site(name, app string, with setup) (peers.Site, error) {
	port, err := b.nextPort()
	if err != nil {
		return peers.Site{}, err
	}
	b.serial++
	s := peers.Site{
		Dir:     filepath.Join(b.dir, fmt.Sprintf("%s.%d", name, b.serial)),
		App:     filepath.Join(b.dir, app),
		Port:    port,
		Backlog: b.backlog,
		Account: b.account,
		Wsgid:   b.wsgid,
		Hosts:   with.hosts,
	}
	if with.static {
		s.Static = filepath.Join(b.dir, fileDirectory)
	}
	if with.tls {
		if port, err = b.nextPort(); err != nil {
			return peers.Site{}, err
		}
		s.TLS = &peers.TLS{Port: port, Certificate: filepath.Join(b.dir, certificateFile), Key: filepath.Join(b.dir, keyFile)}
	}
	return s, nil
}

func (b *bench) nextPort() (int, error) {
	port, err := peers.FreePort(b.port + 1)
	if err == nil {
		b.port = port
	}
	return port, err
}

// server connects to where a row is driven.
func (r row) server(in *peers.Instance) dialer {
	if r.setup.tls {
		return overTLS(in.SecureAddress())
	}
	return tcp(in.Address())
}

// url is what a load generator is told.
func (r row) url(in *peers.Instance) string {
	if r.setup.tls {
		return "https://" + in.SecureAddress() + r.target()
	}
	return "http://" + in.Address() + r.target()
}
