package control

import (
	"fmt"
	"maps"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"
)

// subscribe gives the site's signals in their order.
func subscribe(t *testing.T, conn *dbus.Conn) chan *dbus.Signal {
	t.Helper()
	if err := conn.AddMatchSignal(dbus.WithMatchObjectPath(BusPath)); err != nil {
		t.Fatal(err)
	}
	all, seen := make(chan *dbus.Signal, 1000), make(chan *dbus.Signal, 1000)
	conn.Signal(all)
	go func() {
		defer close(seen)
		for s := range all {
			if s.Path == BusPath {
				seen <- s
			}
		}
	}()
	return seen
}

func TestDBusProperties(t *testing.T) {
	t.Parallel()
	r := newBus(t)
	var inFlight atomic.Int32
	b := r.site(func(o *BusOptions) { o.InFlight = func() int { return int(inFlight.Load()) } })
	conn := r.client()
	site, seen := object(conn), subscribe(t, conn)
	want := map[string]any{
		"Site": "my-blog", "Version": "1.2.3", "State": "starting",
		"Generation": uint32(0), "Processes": uint32(0), "ProcessesReady": uint32(0), "RequestsInFlight": uint32(0),
	}
	wantAll(t, site, want)

	b.Update(func(p *Properties) { *p = Properties{State: Running, Generation: 7, Processes: 3, ProcessesReady: -1} })
	b.GenerationReady("web", 7)
	b.Update(func(p *Properties) { p.ProcessesReady = 2 })
	inFlight.Store(5)
	b.GenerationReady("web", 8)
	maps.Copy(want, map[string]any{
		"State": "running", "Generation": uint32(7), "Processes": uint32(3), "ProcessesReady": uint32(2), "RequestsInFlight": uint32(5),
	})
	wantAll(t, site, want)

	wantSignal(t, seen, propertiesChanged, BusInterface, map[string]dbus.Variant{
		"State": dbus.MakeVariant("running"), "Generation": dbus.MakeVariant(uint32(7)), "Processes": dbus.MakeVariant(uint32(3)),
	}, []string{})
	wantSignal(t, seen, BusInterface+".GenerationReady", "web", uint32(7))
	wantSignal(t, seen, propertiesChanged, BusInterface, map[string]dbus.Variant{"ProcessesReady": dbus.MakeVariant(uint32(2))}, []string{})
	wantSignal(t, seen, BusInterface+".GenerationReady", "web", uint32(8))

	const get, set = "org.freedesktop.DBus.Properties.Get", "org.freedesktop.DBus.Properties.Set"
	wantError(t, site.Call(get, 0, BusInterface, "Nothing").Err, "org.freedesktop.DBus.Error.UnknownProperty", "Nothing")
	wantError(t, site.Call(get, 0, "org.wsgid.Site2", "State").Err, "org.freedesktop.DBus.Error.UnknownInterface", BusInterface)
	wantError(t, site.Call(set, 0, BusInterface, "State", dbus.MakeVariant("x")).Err, "org.freedesktop.DBus.Error.PropertyReadOnly", "State")
	wantAll(t, site, want)
}

func wantAll(t *testing.T, site dbus.BusObject, want map[string]any) {
	t.Helper()
	all := map[string]dbus.Variant{}
	if err := site.Call("org.freedesktop.DBus.Properties.GetAll", 0, BusInterface).Store(&all); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for name, value := range all {
		got[name] = value.Value()
	}
	if !maps.Equal(got, want) {
		t.Errorf("the properties are %v; want %v", got, want)
	}
}

func wantSignal(t *testing.T, seen <-chan *dbus.Signal, name string, body ...any) {
	t.Helper()
	if s := next(t, seen); s.Name != name || fmt.Sprintf("%#v", s.Body) != fmt.Sprintf("%#v", body) {
		t.Errorf("heard %+v; want %s %v", s, name, body)
	}
}

func TestDBusSignals(t *testing.T) {
	t.Parallel()
	r := newBus(t)
	b := r.site(nil)
	seen := subscribe(t, r.client())
	for n := range 50 {
		b.GenerationStarted("web", 2*n)
		b.GenerationDrained("web", 2*n-1)
		b.ReloadFailed("", "no \xff")
	}
	for n := range 50 {
		wantSignal(t, seen, BusInterface+".GenerationStarted", "web", uint32(2*n))
		wantSignal(t, seen, BusInterface+".GenerationDrained", "web", uint32(max(2*n-1, 0)))
		wantSignal(t, seen, BusInterface+".ReloadFailed", "", "no �")
	}
}
