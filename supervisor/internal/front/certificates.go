package front

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"

	"github.com/wsgid/wsgid/units/site"
)

// loadTLS reads the certificates of a site; nil without [tls]. Files that only root can
// read come by way of systemd, see site.TLS.
func loadTLS(s *site.Site) (*tls.Config, error) {
	t := s.TLS
	if t == nil {
		return nil, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{protocolHTTP1}}
	if t.MinimumVersion == "1.3" {
		conf.MinVersion = tls.VersionTLS13
	}
	if s.Server.HTTP2 {
		conf.NextProtos = []string{protocolHTTP2, protocolHTTP1}
	}
	var errs []error
	for i := range t.Certificates {
		c, err := loadCertificate(t, i)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		conf.Certificates = append(conf.Certificates, c)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return conf, nil
}

// The names of protocols in ALPN (RFC 7301).
const (
	protocolHTTP1 = "http/1.1"
	protocolHTTP2 = "h2"
)

func loadCertificate(t *site.TLS, i int) (tls.Certificate, error) {
	chain, err := os.ReadFile(t.CertificateFile(i, os.Getenv))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("tls.certificate: cannot read %s: %w", t.Certificates[i], err)
	}
	key, err := os.ReadFile(t.KeyFile(i, os.Getenv))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("tls.key: cannot read %s: %w", t.Keys[i], err)
	}
	c, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("tls: cannot use %s with %s: %w", t.Certificates[i], t.Keys[i], err)
	}
	return c, nil
}
