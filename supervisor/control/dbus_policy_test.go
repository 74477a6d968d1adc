package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"
)

// member is somebody who is in the policy's group and not root, when the tests
// are root's; stranger is neither. Every Debian has both.
var (
	member   = identity{uid: 1, gid: 1} // daemon
	stranger = identity{uid: 65534, gid: 65534}
)

type identity struct{ uid, gid int }

// clientAs connects as somebody else.
func (r *busRig) clientAs(who identity) *dbus.Conn {
	r.t.Helper()
	socket := make(chan net.Conn, 1)
	go func() {
		defer close(socket)
		runtime.LockOSThread() // for good: a thread with other rights ends with its goroutine
		if become(who) == nil {
			conn, err := BusAt(r.address)(r.t.Context())
			if err == nil {
				socket <- conn
			}
		}
	}()
	stream, ok := <-socket
	if !ok {
		r.t.Fatalf("cannot connect as uid %d", who.uid)
	}
	conn, err := dbus.NewConn(stream, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	if err := conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(who.uid))}); err != nil {
		r.t.Fatal(err)
	}
	if err := conn.Hello(); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// become changes the user of this thread alone: those are system calls of their
// own, because Go's change all threads.
func become(who identity) error {
	for _, call := range [][4]uintptr{
		{syscall.SYS_SETGROUPS, 0, 0, 0},
		{syscall.SYS_SETRESGID, uintptr(who.gid), uintptr(who.gid), uintptr(who.gid)},
		{syscall.SYS_SETRESUID, uintptr(who.uid), uintptr(who.uid), uintptr(who.uid)},
	} {
		if _, _, errno := syscall.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return errno
		}
	}
	return nil
}

// isDenied reports whether the bus's policy has refused something.
func isDenied(err error) bool {
	var answer dbus.Error
	return errors.As(err, &answer) && answer.Name == "org.freedesktop.DBus.Error.AccessDenied"
}

// calls are one of every kind that the object takes.
func calls(site dbus.BusObject) map[string]*dbus.Call {
	return map[string]*dbus.Call{
		"Reload":                   site.Call(BusInterface+".Reload", 0),
		"Status":                   site.Call(BusInterface+".Status", 0),
		"Status, of no interface":  site.Call("Status", 0),
		"a property":               site.Call("org.freedesktop.DBus.Properties.Get", 0, BusInterface, "State"),
		"all properties":           site.Call("org.freedesktop.DBus.Properties.GetAll", 0, BusInterface),
		"what introspection shows": site.Call("org.freedesktop.DBus.Introspectable.Introspect", 0),
		"whether it is there":      site.Call("org.freedesktop.DBus.Peer.Ping", 0),
	}
}

func otherUsers(t *testing.T, what string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can be somebody else: not proved that the shipped policy " + what)
	}
}

func TestDBusPolicyLetsMembersIn(t *testing.T) {
	t.Parallel()
	otherUsers(t, "lets the members of its group in, and no further")
	r, record := newBus(t), newRecorder()
	b := r.site(func(o *BusOptions) { o.Verbs = record.verbs() })
	conn, other := r.clientAs(member), r.client()
	for what, call := range calls(object(conn)) {
		if call.Err != nil {
			t.Errorf("a member may not have %s: %v", what, call.Err)
		}
	}
	seen := subscribe(t, conn)
	b.GenerationReady("web", 1)
	wantSignal(t, seen, BusInterface+".GenerationReady", "web", uint32(1))
	// The rules are about the sites, and about nobody else who has the interfaces.
	for what, call := range calls(conn.Object(other.Names()[0], BusPath)) {
		if !isDenied(call.Err) {
			t.Errorf("a member may have %s of any service: %v", what, call.Err)
		}
	}
	if _, err := conn.RequestName(BusName("my-blog"), dbus.NameFlagReplaceExisting); !isDenied(err) {
		t.Errorf("a member may be a site: %v", err)
	}
}

func TestDBusPolicyKeepsStrangersOut(t *testing.T) {
	t.Parallel()
	otherUsers(t, "keeps strangers out")
	r, record := newBus(t), newRecorder()
	b := r.site(func(o *BusOptions) { o.Verbs = record.verbs() })
	conn := r.clientAs(stranger)
	unique := r.uniqueName(BusName("my-blog"))
	for _, name := range []string{BusName("my-blog"), BusInterface, unique} {
		for what, call := range calls(conn.Object(name, BusPath)) {
			if !isDenied(call.Err) {
				t.Errorf("a stranger may have %s of %s: %v", what, name, call.Err)
			}
		}
	}
	if len(record.asked) > 0 {
		t.Errorf("a stranger has had a verb done: %v", <-record.asked)
	}
	line := regexp.MustCompile(fmt.Sprintf(`Rejected send message.*uid=%d .*interface="%s" member="Reload"`, stranger.uid, regexp.QuoteMeta(BusInterface)))
	r.waitLog("the bus logs a stranger's Reload", line.MatchString)
	for _, name := range []string{BusName("my-blog"), BusInterface, BusInterface + ".other"} {
		if _, err := conn.RequestName(name, dbus.NameFlagReplaceExisting); !isDenied(err) {
			t.Errorf("a stranger may be %s: %v", name, err)
		}
	}
	r.wantDeaf(b, conn, unique)
}

// wantDeaf looks whether somebody hears nothing of the site while others do, and
// cannot send it signals.
func (r *busRig) wantDeaf(b *Bus, conn *dbus.Conn, site string) {
	r.t.Helper()
	other := r.client()
	seen, known := subscribe(r.t, conn), subscribe(r.t, other)
	b.ReloadFailed("web", "secret")
	b.Update(func(p *Properties) { p.State = Running })
	wantSignal(r.t, known, BusInterface+".ReloadFailed", "web", "secret")
	next(r.t, known)
	// What the bus has for conn is there before the answer to what conn asks next.
	if err := conn.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil {
		r.t.Fatal(err)
	}
	conn.Close()
	for s := range seen {
		r.t.Errorf("a stranger hears %v", s)
	}
	stranger := r.clientAs(stranger)
	message := &dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(site), dbus.FieldPath: dbus.MakeVariant(BusPath),
		dbus.FieldInterface: dbus.MakeVariant("org.example.Flood"), dbus.FieldMember: dbus.MakeVariant("Wave"),
	}}
	stranger.Send(message, nil)
	r.waitLog("the bus rejects a stranger's signal", regexp.MustCompile(`Rejected send message.*member="Wave"`).MatchString)
}

func (r *busRig) uniqueName(name string) (owner string) {
	r.t.Helper()
	if err := r.client().BusObject().Call("org.freedesktop.DBus.GetNameOwner", 0, name).Store(&owner); err != nil {
		r.t.Fatal(err)
	}
	return owner
}

// What dbus-daemon does not understand in the file it says.
func TestDBusPolicyIsUnderstood(t *testing.T) {
	t.Parallel()
	r := newBus(t)
	if err := r.client().BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(r.log()) {
		if !strings.Contains(line, "fd limit") { // which is the machine's
			t.Errorf("dbus-daemon says %s", line)
		}
	}
}
