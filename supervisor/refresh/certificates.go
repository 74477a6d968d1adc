package refresh

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/wsgid/wsgid/units/site"
)

// passCertificates puts the certificates and keys of a site, which only root may be able
// to read, where its supervisor finds them: systemd passes credentials to a service when
// it starts, and not again. The directory belongs to the supervisor's user, who may have
// put anything in it: nothing is opened that was there before, and nothing outside.
func passCertificates(s *site.Site, runtime string) (err error) {
	if s.TLS == nil {
		return nil
	}
	own := filepath.Join(runtime, s.Name)
	info, err := os.Lstat(own)
	if err != nil {
		return fmt.Errorf("cannot pass on certificates: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return fmt.Errorf("cannot pass on certificates: %s is no directory", own)
	}
	root, err := os.OpenRoot(own)
	if err != nil {
		return fmt.Errorf("cannot pass on certificates: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := root.RemoveAll(site.TLSDirectory); err != nil {
		return fmt.Errorf("cannot pass on certificates: %w", err)
	}
	if err := root.Mkdir(site.TLSDirectory, 0o700); err != nil {
		return fmt.Errorf("cannot pass on certificates: %w", err)
	}
	for i := range s.TLS.Certificates {
		for name, from := range map[string]string{site.CertificateName(i): s.TLS.Certificates[i], site.KeyName(i): s.TLS.Keys[i]} {
			if err := passFile(root, filepath.Join(site.TLSDirectory, name), from, owner); err != nil {
				return err
			}
		}
	}
	return root.Lchown(site.TLSDirectory, int(owner.Uid), int(owner.Gid))
}

func passFile(root *os.Root, name, from string, owner *syscall.Stat_t) (err error) {
	text, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("tls: there is no file %s", from)
	}
	if err != nil {
		return fmt.Errorf("tls: cannot read %s: %w", from, err)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return fmt.Errorf("cannot pass on %s: %w", from, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(text); err != nil {
		return fmt.Errorf("cannot pass on %s: %w", from, err)
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}
