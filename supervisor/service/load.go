package service

import (
	"path/filepath"

	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/units/site"
)

// load reads the site file. What systemd cannot do of it is said here, too, with
// file and line: the units of such a site say it only where they are made anew.
func (s *service) load() (*site.Site, error) {
	file, err := site.Load(s.SiteFile(s.Site))
	if err != nil || s.Check == nil {
		return file, err
	}
	if err := s.Check(file, filepath.Dir(s.Runtime), sd.UnderUserManager()); err != nil {
		return nil, err
	}
	return file, nil
}
