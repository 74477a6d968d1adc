package site

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// TLS says where and how a site speaks TLS.
type TLS struct {
	// Listen are those of the site's addresses on which TLS is spoken, one at least.
	Listen []Listener
	// Certificates are absolute files of certificate chains in PEM form, and Keys those
	// of their private keys, in the same order; one at least. The first is for clients
	// that ask for a name that none has.
	Certificates, Keys []string
	// MinimumVersion is "1.2" or "1.3".
	MinimumVersion string
}

// TLSDirectory is the directory, in a supervisor's own runtime directory, of the
// certificates and keys that a reload has brought.
const TLSDirectory = "tls"

// The names of certificate i and of its key among the service's credentials
// (LoadCredential=, systemd.exec(5)), and in TLSDirectory.
func CertificateName(i int) string { return "tls-certificate-" + strconv.Itoa(i) }

// KeyName is to a private key what [CertificateName] is to its certificate.
func KeyName(i int) string { return "tls-key-" + strconv.Itoa(i) }

// CertificateFile is the file to read certificate i from: what a reload has brought, what
// systemd has passed to the service when it was started, or the file itself.
func (t *TLS) CertificateFile(i int, getenv func(string) string) string {
	return passed(CertificateName(i), t.Certificates[i], getenv)
}

// KeyFile is to a private key what [TLS.CertificateFile] is to its certificate.
func (t *TLS) KeyFile(i int, getenv func(string) string) string {
	return passed(KeyName(i), t.Keys[i], getenv)
}

func passed(name, original string, getenv func(string) string) string {
	var places []string
	if dir := getenv("RUNTIME_DIRECTORY"); dir != "" {
		places = append(places, filepath.Join(dir, TLSDirectory, name))
	}
	if dir := getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		places = append(places, filepath.Join(dir, name))
	}
	for _, place := range places {
		if _, err := os.Stat(place); err == nil {
			return place
		}
	}
	return original
}

func tlsKeys() []Key {
	return []Key{
		{
			Name: "listen", Type: TypeListen, ModWSGI: "SSLEngine",
			Meaning: "Those addresses of listen on which TLS is spoken.",
		},
		{
			Name: "certificate", Type: TypePaths, ModWSGI: "SSLCertificateFile",
			Meaning: "Certificate chains in PEM form, of which each client gets the one for the name that it asks for, or the first; systemd reads them for the front end, and a reload reads them again.",
		},
		{
			Name: "key", Type: TypePaths, ModWSGI: "SSLCertificateKeyFile",
			Meaning: "Private keys of the certificates in PEM form, in the same order; only root needs to be able to read them.",
		},
		{
			Name: "minimum-version", Type: TypeEnum, Values: []string{"1.2", "1.3"}, Default: "1.2", ModWSGI: "SSLProtocol",
			Meaning: "Lowest version of TLS that is spoken.",
		},
	}
}

func tlsFields(t *TLS) fields {
	return fields{
		{"listen", &t.Listen},
		{"certificate", &t.Certificates},
		{"key", &t.Keys},
		{"minimum-version", &t.MinimumVersion},
	}
}

func (d *decoder) tlsTable(n *node) {
	if n == nil {
		return
	}
	if n.table == nil {
		d.fail(n.place, "tls", &fault{msg: n.kind() + " where a table is expected", hint: "write [tls]"})
		return
	}
	t := &TLS{}
	d.site.TLS = t
	d.site.lines["tls"] = n.place
	applyDefaults(tableTLS, tlsFields(t))
	before := len(d.errs)
	d.table(tableTLS, n, "tls.", tlsFields(t))
	if len(d.errs) == before {
		d.tlsRules(n, t)
	}
}

func (d *decoder) tlsRules(n *node, t *TLS) {
	for _, name := range []string{"listen", "certificate", "key"} {
		if n.table[name] == nil {
			d.fail(n.place, "tls", &fault{msg: name + " is missing", hint: "[tls] needs listen, certificate and key"})
			return
		}
	}
	if len(t.Certificates) != len(t.Keys) {
		d.fail(n.table["key"].place, "tls.key", &fault{
			msg:  strconv.Itoa(len(t.Keys)) + " keys for " + strconv.Itoa(len(t.Certificates)) + " certificates",
			hint: "write one for each, in the order of certificate",
		})
	}
	for i, l := range t.Listen {
		at := n.table["listen"].place
		if i < len(n.table["listen"].list) {
			at = n.table["listen"].list[i].place
		}
		if !slices.Contains(d.site.Listen, l) {
			d.fail(at, "tls.listen", &fault{
				msg:  l.String() + " is none of the addresses of the site",
				hint: "write it as listen has it: listen = [\":80\", \":443\"], and in [tls] listen = \":443\"",
			})
		}
	}
}
