package control

import (
	"maps"
	"strings"

	"github.com/godbus/dbus/v5"
)

// State is what a site is doing as a whole.
type State string

// The states of a site.
const (
	Starting  State = "starting"
	Running   State = "running"
	Reloading State = "reloading"
	Draining  State = "draining"
	Stopping  State = "stopping"
)

// Properties are what the site's object says about it, beside its name and the
// program's version, which stay, and the requests under way, which are counted
// when somebody asks. Negative numbers are as good as 0.
type Properties struct {
	// State is Starting at first.
	State State
	// Generation is the newest one that takes requests; 0 before there is one.
	Generation int
	// Processes are those that there are to be, ProcessesReady those that take
	// requests.
	Processes, ProcessesReady int
}

func (p Properties) values() map[string]dbus.Variant {
	return map[string]dbus.Variant{
		"State":          dbus.MakeVariant(busText(string(p.State))),
		"Generation":     dbus.MakeVariant(busNumber(p.Generation)),
		"Processes":      dbus.MakeVariant(busNumber(p.Processes)),
		"ProcessesReady": dbus.MakeVariant(busNumber(p.ProcessesReady)),
	}
}

// Update changes properties; those that are then different are signalled. change
// is called at once, must not call b, and may be called while others read.
func (b *Bus) Update(change func(*Properties)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.properties
	change(&b.properties)
	if b.properties == before {
		return
	}
	was, changed := before.values(), b.properties.values()
	maps.DeleteFunc(changed, func(name string, value dbus.Variant) bool { return value == was[name] })
	b.emitChangeLocked(changed)
}

// GenerationStarted signals that a group's processes of that generation are
// being started.
func (b *Bus) GenerationStarted(group string, generation int) {
	b.emit("GenerationStarted", busText(group), busNumber(generation))
}

// GenerationReady signals that a group's generation takes the requests from now
// on.
func (b *Bus) GenerationReady(group string, generation int) {
	b.emit("GenerationReady", busText(group), busNumber(generation))
}

// GenerationDrained signals that the last request of a group's old generation
// has ended.
func (b *Bus) GenerationDrained(group string, generation int) {
	b.emit("GenerationDrained", busText(group), busNumber(generation))
}

// ReloadFailed signals why a reload changed nothing. group is "" when it is not
// about one of them.
func (b *Bus) ReloadFailed(group, reason string) {
	b.emit("ReloadFailed", busText(group), busText(reason))
}

const propertiesChanged = "org.freedesktop.DBus.Properties.PropertiesChanged"

// emission is a signal that is to be sent.
type emission struct {
	name string // interface and member
	body []any
}

// maxPending is how many signals wait for a bus that does not take them. Beyond
// that the connection is given up: clients that see a name go and come read
// everything anew, and those that miss a signal do not.
const maxPending = 256

func (b *Bus) emit(member string, body ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.emitLocked(emission{BusInterface + "." + member, body})
}

// emitChangeLocked signals changed properties, in one signal with what is still
// to be said about them if nothing else has happened since. The caller holds mu.
func (b *Bus) emitChangeLocked(changed map[string]dbus.Variant) {
	if n := len(b.pending); n > 0 && b.pending[n-1].name == propertiesChanged {
		maps.Copy(b.pending[n-1].body[1].(map[string]dbus.Variant), changed)
		return
	}
	b.emitLocked(emission{propertiesChanged, []any{BusInterface, changed, []string{}}})
}

// emitLocked has a signal sent. The caller holds mu.
func (b *Bus) emitLocked(e emission) {
	switch {
	case !b.online: // nobody listens, and a signal is for those who do
	case len(b.pending) == maxPending:
		b.overrun = true
	default:
		b.pending = append(b.pending, e)
	}
	b.poke()
}

// poke never blocks.
func (b *Bus) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// busText makes a text one that D-Bus takes; a client whose answer is not valid
// would wait for it in vain. Tracebacks may hold any byte.
func busText(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", `\0`), "\uFFFD")
}

func busNumber(n int) uint32 { return uint32(max(n, 0)) }
