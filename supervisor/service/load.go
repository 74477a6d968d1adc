package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/sd"
	"github.com/wsgid/wsgid/units/site"
)

// load reads the site file. What systemd cannot do of it is said here, too, with
// file and line: the units of such a site say it only where they are made anew.
func (s *service) load() (*site.Site, error) {
	file, err := site.Load(s.SiteFile(s.Site))
	var path *fs.PathError
	if errors.Is(err, fs.ErrPermission) && errors.As(err, &path) {
		return nil, fmt.Errorf("%w\nhint: the front end's user, %s, and those of the groups read the site file: chmod a+r %s; "+
			"secrets belong into a file named by env-file, which systemd reads as root", err, site.FrontEndUser, path.Path)
	}
	if err == nil && s.Check != nil {
		err = s.Check(file, filepath.Dir(s.Runtime), sd.UnderUserManager())
	}
	if err != nil {
		return nil, err
	}
	return file, nil
}

// tryAgainAfter is how long a supervisor stays that cannot use its site file.
const tryAgainAfter = 2 * time.Second

// pause keeps systemd, which starts a supervisor that has failed again soon, because
// most failures pass, from doing so in a busy loop, twice a second, while somebody
// mends the file.
func pause(ctx context.Context, err error) {
	var wrong site.Errors
	if !errors.As(err, &wrong) && !errors.Is(err, fs.ErrPermission) {
		return
	}
	select {
	case <-time.After(tryAgainAfter):
	case <-ctx.Done():
	}
}
