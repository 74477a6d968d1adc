package control

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"
)

// What a supervisor is called on the bus.
const (
	// BusInterface is the interface of a site's object, the beginning of the
	// errors' names and of the sites' own names ([BusName]).
	BusInterface = "org.wsgid.Site1"
	// BusPath is where each site's object is.
	BusPath = dbus.ObjectPath("/org/wsgid/Site1")
	// BusError is the name of the error with which a method says why it could not
	// be done.
	BusError = BusInterface + ".Error.Failed"
)

// BusName is the name that a site's supervisor has on the bus. Characters that
// may not be part of one, and "_" and "-", are written as systemd does it in
// its objects' paths: "_" and two hexadecimal digits. So is a digit at the
// beginning, and no two sites have the same name.
func BusName(site string) string {
	var b strings.Builder
	b.WriteString(BusInterface + ".")
	for i, c := range []byte(site) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if letter || i > 0 && '0' <= c && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return b.String()
}

// BusOptions say what is put on the bus.
type BusOptions struct {
	// Site is the site's name, Version that of the program.
	Site, Version string
	// Verbs are what there is to ask for. Of these the object has reload, reopen,
	// drain, undrain, rollback and status, as methods whose names begin with a
	// capital. They are called with Wait, and several at a time.
	Verbs map[string]Verb
	// InFlight counts the requests under way, each time when somebody reads the
	// property; nil is 0 for ever. It must not wait for anything.
	InFlight func() int
	// Connect reaches the bus: [SystemBus], [UserBus] or [BusAt].
	Connect Connect
	// Logger hears of the bus's coming and going, and of who asked for what.
	Logger *slog.Logger
}

// Bus is a site's supervisor on a D-Bus. Whether there is a bus makes no
// difference to its methods: none waits for one, or says that there is none.
type Bus struct {
	options BusOptions
	name    string
	log     *slog.Logger
	end     context.CancelFunc
	over    chan struct{} // closed when nothing is left to wait for
	wake    chan struct{} // capacity 1: the fields below have something new

	mu         sync.Mutex
	properties Properties
	online     bool       // somebody may hear of it
	pending    []emission // what the bus has not been told yet
	overrun    bool       // pending has lost something
	owner      bool       // the name is this supervisor's, not another's
	running    sync.WaitGroup
}

// Export puts the site on the bus, as soon and as often as there is one, until
// ctx ends or Close is called. ctx is that of the verbs, too.
//
// Where two supervisors have the same site, as during an upgrade, the later one
// has the name; when it goes, the earlier one has it again.
func Export(ctx context.Context, o BusOptions) *Bus {
	ctx, end := context.WithCancel(ctx)
	b := &Bus{
		options: o, name: BusName(o.Site), log: o.Logger, end: end,
		over: make(chan struct{}), wake: make(chan struct{}, 1),
		properties: Properties{State: Starting},
	}
	go func() {
		defer close(b.over)
		b.run(ctx)
	}()
	return b
}

// Close ends the verbs that are under way, waits for them and leaves the bus.
func (b *Bus) Close() {
	b.end()
	<-b.over
}

// begin admits a verb as long as ctx, the Bus's own, has not ended; the caller
// calls b.running.Done after it.
func (b *Bus) begin(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	b.running.Add(1)
	return true
}

// finish waits for the verbs under way. ctx has ended, so that whoever is in
// begin after this lock is refused.
func (b *Bus) finish() {
	b.mu.Lock()
	//lint:ignore SA2001 a begin that saw the time before the end is over
	b.mu.Unlock()
	b.running.Wait()
}
