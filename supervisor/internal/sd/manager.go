package sd

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// Manager is the systemd that this process belongs to, for what needs the rights
// to change something there.
type Manager struct{ conn *dbus.Conn }

// ConnectManager connects to the bus, or where there is none to systemd itself,
// whose own socket lets root in, and that of a user's own systemd that user.
func ConnectManager(ctx context.Context) (*Manager, error) {
	conn, err := connectManager(ctx)
	if err == nil {
		return &Manager{conn}, nil
	}
	if UnderUserManager() {
		return nil, err // it has tried both
	}
	conn, privateErr := connectPrivate(ctx, "/run/systemd/private")
	if privateErr != nil {
		return nil, errors.Join(err, privateErr)
	}
	return &Manager{conn}, nil
}

// Close ends the connection.
func (m *Manager) Close() error { return m.conn.Close() }

func (m *Manager) call(ctx context.Context, method string, arguments ...any) *dbus.Call {
	return m.conn.Object(manager, "/org/freedesktop/systemd1").CallWithContext(ctx, manager+".Manager."+method, 0, arguments...)
}

// Reload is `systemctl daemon-reload`.
func (m *Manager) Reload(ctx context.Context) error {
	if err := m.call(ctx, "Reload").Err; err != nil {
		return fmt.Errorf("cannot reload systemd: %w", err)
	}
	return nil
}

// StartUnit is `systemctl start --no-block`: a socket listens a moment later.
func (m *Manager) StartUnit(ctx context.Context, unit string) error {
	if err := m.call(ctx, "StartUnit", unit, "replace").Err; err != nil {
		return fmt.Errorf("cannot start %s: %w", unit, err)
	}
	return nil
}

// RestartUnit is `systemctl restart --no-block`: a service that does not run is
// started.
func (m *Manager) RestartUnit(ctx context.Context, unit string) error {
	if err := m.call(ctx, "RestartUnit", unit, "replace").Err; err != nil {
		return fmt.Errorf("cannot restart %s: %w", unit, err)
	}
	return nil
}

// StopUnit is `systemctl stop --no-block`.
func (m *Manager) StopUnit(ctx context.Context, unit string) error {
	if err := m.call(ctx, "StopUnit", unit, "replace").Err; err != nil {
		return fmt.Errorf("cannot stop %s: %w", unit, err)
	}
	return nil
}

// ActiveUnits are the names of the active units that match a pattern.
func (m *Manager) ActiveUnits(ctx context.Context, pattern string) ([]string, error) {
	list, err := m.Units(ctx, pattern, "active")
	var names []string
	for _, u := range list {
		names = append(names, u.Name)
	}
	return names, err
}

// Unit is one that systemd has loaded. Active and Sub are its states, as in
// systemctl(1): "active" and "running", for example.
type Unit struct{ Name, Active, Sub string }

// Units are the loaded units that match a pattern, in one of the states; without any
// in whatever state.
func (m *Manager) Units(ctx context.Context, pattern string, states ...string) ([]Unit, error) {
	if states == nil {
		states = []string{} // an array for the bus
	}
	var list []struct {
		Name, Description, Load, Active, Sub, Following string
		Path                                            dbus.ObjectPath
		JobID                                           uint32
		JobType                                         string
		JobPath                                         dbus.ObjectPath
	}
	err := m.call(ctx, "ListUnitsByPatterns", states, []string{pattern}).Store(&list)
	if err != nil {
		return nil, fmt.Errorf("cannot list units: %w", err)
	}
	var units []Unit
	for _, u := range list {
		units = append(units, Unit{u.Name, u.Active, u.Sub})
	}
	return units, nil
}
