package control

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"
	"github.com/godbus/dbus/v5/prop"
)

// busMethods are the methods of the object and the verbs that they call.
var busMethods = [...]struct{ method, verb string }{
	{"Reload", "reload"},
	{"Reopen", "reopen"},
	{"Drain", "drain"},
	{"Undrain", "undrain"},
	{"Rollback", "rollback"},
	{"Status", statusVerb},
}

// statusVerb is the one whose text is the answer, and which changes nothing.
const statusVerb = "status"

// exportObject makes the site's object known to a connection that has not begun
// to read. ctx is that of the verbs.
func (b *Bus) exportObject(ctx context.Context, conn *dbus.Conn) error {
	node := b.describe()
	methods := map[string]any{}
	for _, m := range busMethods {
		verb := b.options.Verbs[m.verb]
		if verb == nil {
			continue
		}
		ask := func(call dbus.Message) (string, *dbus.Error) { return b.ask(ctx, conn, m.verb, verb, call) }
		methods[m.method] = ask
		if m.verb != statusVerb {
			methods[m.method] = func(call dbus.Message) *dbus.Error { _, err := ask(call); return err }
		}
	}
	return errors.Join(
		conn.ExportMethodTable(methods, BusPath, BusInterface),
		conn.Export(busProperties{b}, BusPath, "org.freedesktop.DBus.Properties"),
		conn.Export(introspect.NewIntrospectable(node), BusPath, "org.freedesktop.DBus.Introspectable"),
	)
}

// ask has a verb done. The D-Bus package calls it on a goroutine of its own, so
// that one that takes its time holds up no other.
func (b *Bus) ask(ctx context.Context, conn *dbus.Conn, name string, verb Verb, call dbus.Message) (string, *dbus.Error) {
	if !b.begin(ctx) {
		return "", failed(call, "the supervisor is ending")
	}
	defer b.running.Done()
	if call.Headers[dbus.FieldDestination].Value() == BusInterface {
		return "", failed(call, "no site is called that; ask for one by its own name, such as "+b.name)
	}
	if name != statusVerb {
		b.log.Info("asked over D-Bus", "verb", name, "uid", caller(ctx, conn, call))
	}
	text, err := verb(ctx, Request{Verb: name, Wait: true})
	if err != nil {
		return "", failed(call, err.Error())
	}
	return busText(text), nil
}

// failed is the error to answer a call with. One that wants no answer gets none:
// the bus would log that as a breach of its policy.
func failed(call dbus.Message, text string) *dbus.Error {
	if call.Flags&dbus.FlagNoReplyExpected != 0 {
		return nil
	}
	return dbus.NewError(BusError, []any{busText(text)})
}

// caller is the user id of who calls, for the log, or "unknown": who wants no
// answer may be gone already. That is why nothing is decided by it; who may call
// is the bus's policy.
func caller(ctx context.Context, conn *dbus.Conn, call dbus.Message) any {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var uid uint32
	sender, _ := call.Headers[dbus.FieldSender].Value().(string)
	err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixUser", 0, sender).Store(&uid)
	if err != nil {
		return "unknown"
	}
	return uid
}

// values are all properties as they are now.
func (b *Bus) values() map[string]dbus.Variant {
	inFlight := 0
	if b.options.InFlight != nil {
		inFlight = b.options.InFlight()
	}
	b.mu.Lock()
	values := b.properties.values()
	b.mu.Unlock()
	maps.Copy(values, map[string]dbus.Variant{
		"Site":             dbus.MakeVariant(busText(b.options.Site)),
		"Version":          dbus.MakeVariant(busText(b.options.Version)),
		"RequestsInFlight": dbus.MakeVariant(busNumber(inFlight)),
	})
	return values
}

// busProperties is org.freedesktop.DBus.Properties. The D-Bus package's own
// holds a lock while it signals a change, and panics when the bus is gone.
type busProperties struct{ bus *Bus }

func unknownInterface() *dbus.Error {
	return dbus.NewError("org.freedesktop.DBus.Error.UnknownInterface", []any{"only " + BusInterface + " has properties"})
}

// Get is one property.
func (p busProperties) Get(of, name string) (dbus.Variant, *dbus.Error) {
	all, err := p.GetAll(of)
	if err != nil {
		return dbus.Variant{}, err
	}
	value, ok := all[name]
	if !ok {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{"there is no property " + name})
	}
	return value, nil
}

// GetAll is all of them; "" is any interface.
func (p busProperties) GetAll(of string) (map[string]dbus.Variant, *dbus.Error) {
	if of != BusInterface && of != "" {
		return nil, unknownInterface()
	}
	return p.bus.values(), nil
}

// Set refuses.
func (p busProperties) Set(of, name string, _ dbus.Variant) *dbus.Error {
	if _, err := p.Get(of, name); err != nil {
		return err
	}
	return dbus.NewError("org.freedesktop.DBus.Error.PropertyReadOnly", []any{name + " cannot be set"})
}

// describe is what introspection shows.
func (b *Bus) describe() *introspect.Node {
	site := introspect.Interface{Name: BusInterface, Signals: describeSignals()}
	for _, m := range busMethods {
		if b.options.Verbs[m.verb] == nil {
			continue
		}
		method := introspect.Method{Name: m.method}
		if m.verb == statusVerb {
			method.Args = []introspect.Arg{{Name: "status", Type: "s", Direction: "out"}}
		}
		site.Methods = append(site.Methods, method)
	}
	for _, p := range [...]struct{ name, kind, emits string }{
		{"Site", "s", "const"},
		{"Version", "s", "const"},
		{"State", "s", "true"},
		{"Generation", "u", "true"},
		{"Processes", "u", "true"},
		{"ProcessesReady", "u", "true"},
		{"RequestsInFlight", "u", "false"},
	} {
		site.Properties = append(site.Properties, introspect.Property{
			Name: p.name, Type: p.kind, Access: "read",
			Annotations: []introspect.Annotation{{Name: "org.freedesktop.DBus.Property.EmitsChangedSignal", Value: p.emits}},
		})
	}
	return &introspect.Node{Name: string(BusPath), Interfaces: []introspect.Interface{site, prop.IntrospectData}}
}

func describeSignals() []introspect.Signal {
	group := introspect.Arg{Name: "group", Type: "s"}
	generation := introspect.Arg{Name: "generation", Type: "u"}
	return []introspect.Signal{
		{Name: "GenerationStarted", Args: []introspect.Arg{group, generation}},
		{Name: "GenerationReady", Args: []introspect.Arg{group, generation}},
		{Name: "GenerationDrained", Args: []introspect.Arg{group, generation}},
		{Name: "ReloadFailed", Args: []introspect.Arg{group, {Name: "reason", Type: "s"}}},
	}
}
