package sd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/godbus/dbus/v5"
)

// Job says what systemd is doing with the unit of this process: "stop",
// "restart", "start" and so on (org.freedesktop.systemd1(5), JobType), or "" when
// it is doing nothing. SIGTERM alone does not tell a stop from a restart. Any
// user may ask; the error says why nobody answered.
func Job(ctx context.Context) (string, error) {
	conn, err := connectManager(ctx)
	if err != nil {
		return "", fmt.Errorf("cannot ask systemd for the unit's job: %w", err)
	}
	defer conn.Close()
	kind, err := unitJob(ctx, conn)
	if err != nil {
		return "", fmt.Errorf("cannot ask systemd for the unit's job: %w", err)
	}
	return kind, nil
}

const manager = "org.freedesktop.systemd1"

func unitJob(ctx context.Context, conn *dbus.Conn) (string, error) {
	var unit dbus.ObjectPath
	call := conn.Object(manager, "/org/freedesktop/systemd1").
		CallWithContext(ctx, manager+".Manager.GetUnitByPID", 0, uint32(os.Getpid()))
	if err := call.Store(&unit); err != nil {
		return "", err
	}
	var job struct {
		ID   uint32
		Path dbus.ObjectPath
	}
	if err := property(ctx, conn, unit, manager+".Unit", "Job", &job); err != nil || job.ID == 0 {
		return "", err
	}
	var kind string
	err := property(ctx, conn, job.Path, manager+".Job", "JobType", &kind)
	return kind, err
}

func property(ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath, of, name string, to any) error {
	var value dbus.Variant
	call := conn.Object(manager, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, of, name)
	if err := call.Store(&value); err != nil {
		return err
	}
	return value.Store(to)
}

// connectManager connects to the bus of the systemd that runs this process: the
// system's, or a user's own, which has a socket of its own too, where there is
// no bus.
func connectManager(ctx context.Context) (*dbus.Conn, error) {
	if !UnderUserManager() {
		return dbus.ConnectSystemBus(dbus.WithContext(ctx))
	}
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	conn, err := dbus.Connect("unix:path="+filepath.Join(runtime, "bus"), dbus.WithContext(ctx))
	if err == nil {
		return conn, nil
	}
	conn, privateErr := connectPrivate(ctx, filepath.Join(runtime, "systemd", "private"))
	if privateErr != nil {
		return nil, errors.Join(err, privateErr)
	}
	return conn, nil
}

// connectPrivate connects to systemd itself: there is no Hello on that socket.
func connectPrivate(ctx context.Context, path string) (*dbus.Conn, error) {
	conn, err := dbus.Dial("unix:path="+path, dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	if err := conn.Auth(nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// UnderUserManager reports whether a user's own systemd runs this process: its
// units live in the control group of user@UID.service.
func UnderUserManager() bool {
	text, err := os.ReadFile("/proc/self/cgroup")
	return err == nil && strings.Contains(string(text), "/user@")
}
