package load

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	app "github.com/wsgid/wsgid/tests/apps/load"
)

// Names of files beside app.py that the application reads at its import; app.py says
// what they mean. Each has an environment variable that goes before it.
const (
	FileGeneration       = "generation"
	FileImportSeconds    = "import-seconds"
	FileImportCPUSeconds = "import-cpu-seconds"
	FileBroken           = "broken"
	FileRecord           = "record"
)

// AppSource is the text of the application, for a machine whose files this process
// cannot write. The application is pure WSGI, for Python from 3.9 on.
func AppSource() string { return app.Source() }

// App is the application in a directory of this host.
type App struct{ Dir string }

// NewApp writes the application into a directory that exists.
func NewApp(dir string) (*App, error) {
	a := &App{Dir: dir}
	return a, a.Set("app.py", AppSource())
}

// Script is the path of app.py.
func (a *App) Script() string { return filepath.Join(a.Dir, "app.py") }

// Set puts text into a file beside app.py, or into app.py. Whoever reads it sees either
// what was there or all of the new.
func (a *App) Set(name, content string) error {
	path := filepath.Join(a.Dir, name)
	// A name that the application does not read, and that no other Set uses.
	fresh := fmt.Sprintf("%s.%d.new", path, time.Now().UnixNano())
	if err := os.WriteFile(fresh, []byte(content), 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// Unset removes a file beside app.py. It need not be there.
func (a *App) Unset(name string) error {
	if err := os.Remove(filepath.Join(a.Dir, name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
