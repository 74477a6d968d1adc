package supervisor

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/wsgid/wsgid/units/site"
)

// scriptPause is the time before a service script is started again, as in its unit.
const scriptPause = 2 * time.Second

// StartService runs a service script as a child process, again when it has ended, until
// ctx ends; then it has shutdown-timeout to end. Wait waits for that.
func (d *Direct) StartService(ctx context.Context, g *site.Group) {
	d.running.Go(func() {
		// The death signal is that of the thread which starts the child
		// (PR_SET_PDEATHSIG, prctl(2)).
		runtime.LockOSThread()
		for ctx.Err() == nil {
			err := d.runService(ctx, g)
			if ctx.Err() != nil {
				return
			}
			how := "exit status 0"
			if err != nil {
				how = err.Error()
			}
			d.Logger.Warn("the service script has ended; starting it again", "group", g.Name, "cause", how)
			select {
			case <-time.After(scriptPause):
			case <-ctx.Done():
			}
		}
	})
}

// runService runs it once.
func (d *Direct) runService(ctx context.Context, g *site.Group) error {
	siteFile, err := d.siteFile()
	if err != nil {
		return err
	}
	defer siteFile.Close()
	command := exec.CommandContext(ctx, d.executable(), "script", "--direct", "--path", d.Path, d.Name, g.Name)
	command.Args[0] = "wsgid"
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.ExtraFiles = []*os.File{nil, siteFile} // a service script has no control connection
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = g.ShutdownTimeout // 0 is no limit for both
	return command.Run()
}

func (d *Direct) executable() string {
	if d.Executable == "" {
		return "/proc/self/exe"
	}
	return d.Executable
}
