package control

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"
)

func TestBusName(t *testing.T) {
	t.Parallel()
	for site, want := range map[string]string{
		"blog":        "blog",
		"4chan":       "_34chan",
		"a4":          "a4",
		"my-blog.com": "my_2dblog_2ecom",
		"my_2dblog":   "my_5f2dblog",
	} {
		if got := BusName(site); got != "org.wsgid.Site1."+want {
			t.Errorf("%q is %s", site, got)
		}
	}
}

// The site can be read from its name, so that no two have the same, and every
// name is one to D-Bus.
func FuzzBusName(f *testing.F) {
	f.Add("blog")
	f.Add("0_-.x")
	f.Fuzz(func(t *testing.T, site string) {
		element := strings.TrimPrefix(BusName(site), BusInterface+".")
		var back []byte
		for rest := element; rest != ""; {
			n := 1
			if rest[0] == '_' {
				n = 3
				c, err := hex.DecodeString(rest[1:3])
				if err != nil {
					t.Fatal(err)
				}
				back = append(back, c...)
			} else {
				back = append(back, rest[0])
			}
			rest = rest[n:]
		}
		if string(back) != site {
			t.Errorf("%q is %s, which reads %q", site, element, back)
		}
		if i := strings.IndexFunc(element, func(c rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", c)
		}); i >= 0 {
			t.Errorf("%s has %q in it", element, element[i])
		}
		if element != "" && element[0] >= '0' && element[0] <= '9' {
			t.Errorf("%s begins with a digit", element)
		}
	})
}

// recorder has every verb, and notes what is asked for.
type recorder struct{ asked chan Request }

func newRecorder() *recorder { return &recorder{make(chan Request, 100)} }

func (r *recorder) verbs() map[string]Verb {
	verbs := map[string]Verb{}
	for _, m := range busMethods {
		verbs[m.verb] = func(_ context.Context, request Request) (string, error) {
			r.asked <- request
			return "text of " + m.verb, nil
		}
	}
	return verbs
}

func TestDBusMethods(t *testing.T) {
	t.Parallel()
	r, record, log := newBus(t), newRecorder(), &logLines{}
	r.site(func(o *BusOptions) { o.Verbs, o.Logger = record.verbs(), log.logger() })
	site := object(r.client())
	for _, method := range []string{"Reload", "Reopen", "Drain", "Undrain", "Rollback"} {
		if err := site.Call(BusInterface+"."+method, 0).Store(); err != nil {
			t.Errorf("%s: %v", method, err)
			continue
		}
		if got, want := next(t, record.asked), (Request{Verb: strings.ToLower(method), Wait: true}); got != want {
			t.Errorf("%s asks for %v", method, got)
		}
		if n := log.count(0, fmt.Sprintf("verb=%s uid=%d", strings.ToLower(method), selfUID())); n != 1 {
			t.Errorf("%d lines say who asked for %s", n, method)
		}
	}
	var status string
	if err := site.Call(BusInterface+".Status", 0).Store(&status); err != nil || status != "text of status" {
		t.Errorf("Status: %q, %v", status, err)
	}
	err := r.client().Object(BusInterface, BusPath).Call(BusInterface+".Reload", 0).Err
	wantError(t, err, BusError, BusName("my-blog"))
	if len(record.asked) != 1 {
		t.Error("a call to the name that all sites share has reached one of them")
	}
}

func wantError(t *testing.T, err error, name, text string) {
	t.Helper()
	var answer dbus.Error
	if !errors.As(err, &answer) || answer.Name != name || !strings.Contains(answer.Error(), text) {
		t.Errorf("the error is %#v; want %s with %q in it", err, name, text)
	}
}

func TestDBusErrors(t *testing.T) {
	t.Parallel()
	r := newBus(t)
	var answers atomic.Int32
	r.site(func(o *BusOptions) {
		o.Verbs = map[string]Verb{
			"reload": func(context.Context, Request) (string, error) {
				answers.Add(1)
				return "", errors.New("bad: \xff\x00")
			},
			"status": func(context.Context, Request) (string, error) { return "caf\xe9", nil },
		}
	})
	site := object(r.client())
	wantError(t, site.Call(BusInterface+".Reload", 0).Err, BusError, `bad: �\0`)
	wantError(t, site.Call(BusInterface+".Reload", 0, "now").Err, "org.freedesktop.DBus.Error.InvalidArgs", "")
	wantError(t, site.Call(BusInterface+".Drain", 0).Err, "org.freedesktop.DBus.Error.UnknownMethod", "Drain")
	wantError(t, site.Call("org.wsgid.Site2.Reload", 0).Err, "org.freedesktop.DBus.Error.UnknownInterface", "Site2")
	var status string
	if err := site.Call(BusInterface+".Status", 0).Store(&status); err != nil || status != "caf�" {
		t.Errorf("Status: %q, %v", status, err)
	}
	// Whoever wants no answer gets none, which the bus would reject and log.
	site.Call(BusInterface+".Reload", dbus.FlagNoReplyExpected)
	wait(t, func() bool { return answers.Load() == 2 })
	if err := site.Call(BusInterface+".Status", 0).Err; err != nil {
		t.Error(err)
	}
	conn := r.client()
	conn.Object(r.client().Names()[0], "/").Call("org.example.Nothing.LastLine", 0)
	r.waitLog("the bus logs what it rejects", func(log string) bool { return strings.Contains(log, "LastLine") })
	if log := r.log(); strings.Count(log, "Rejected send message") != 1 {
		t.Errorf("the bus has rejected something else:\n%s", log)
	}
}

// A reload takes seconds, and whoever looks at the status meanwhile sees it.
func TestDBusSlowMethod(t *testing.T) {
	t.Parallel()
	r := newBus(t)
	begun, release := make(chan struct{}), make(chan struct{})
	r.site(func(o *BusOptions) {
		o.Verbs = map[string]Verb{
			"reload": func(context.Context, Request) (string, error) {
				close(begun)
				<-release
				return "", nil
			},
			"status": func(context.Context, Request) (string, error) { return "reloading", nil },
		}
	})
	site := object(r.client())
	reload := site.Go(BusInterface+".Reload", 0, make(chan *dbus.Call, 1))
	next(t, begun)
	var status string
	if err := site.Call(BusInterface+".Status", 0).Store(&status); err != nil || status != "reloading" {
		t.Errorf("Status: %q, %v", status, err)
	}
	if len(reload.Done) != 0 {
		t.Error("Reload is answered before its end")
	}
	close(release)
	if err := next(t, reload.Done).Err; err != nil {
		t.Error(err)
	}
}

// Close ends a verb that waits, and the caller hears of it; then the name is free.
func TestDBusClose(t *testing.T) {
	t.Parallel()
	r := newBus(t)
	begun := make(chan struct{})
	b := r.site(func(o *BusOptions) {
		o.Verbs = map[string]Verb{"reload": func(ctx context.Context, _ Request) (string, error) {
			close(begun)
			<-ctx.Done()
			return "", ctx.Err()
		}}
	})
	conn := r.client()
	seen := subscribe(t, conn)
	reload := object(conn).Go(BusInterface+".Reload", 0, make(chan *dbus.Call, 1))
	next(t, begun)
	b.Update(func(p *Properties) { p.State = Stopping })
	b.Close()
	wantError(t, next(t, reload.Done).Err, BusError, "canceled")
	if got := next(t, seen).Body[1]; fmt.Sprint(got) != `map[State:"stopping"]` {
		t.Errorf("the last that is heard is %v", got)
	}
	wantError(t, object(conn).Call(BusInterface+".Reload", 0).Err, "org.freedesktop.DBus.Error.ServiceUnknown", "")
	b.Close()
}

func TestDBusIntrospection(t *testing.T) {
	t.Parallel()
	r, record := newBus(t), newRecorder()
	r.site(func(o *BusOptions) {
		o.Verbs = record.verbs()
		delete(o.Verbs, "rollback")
	})
	conn := r.client()
	node, err := introspect.Call(object(conn))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range node.Interfaces {
		for _, m := range i.Methods {
			got = append(got, fmt.Sprintf("%s.%s%v", i.Name, m.Name, m.Args))
		}
		for _, s := range i.Signals {
			got = append(got, fmt.Sprintf("signal %s%v", s.Name, s.Args))
		}
		for _, p := range i.Properties {
			got = append(got, fmt.Sprintf("property %s %s %s %s", p.Name, p.Type, p.Access, p.Annotations[0].Value))
		}
	}
	for _, want := range []string{
		"org.wsgid.Site1.Reload[]", "org.wsgid.Site1.Drain[]", "org.wsgid.Site1.Status[{status s out}]",
		"signal GenerationStarted[{group s } {generation u }]", "signal ReloadFailed[{group s } {reason s }]",
		"property Site s read const", "property State s read true", "property RequestsInFlight u read false",
		"org.freedesktop.DBus.Introspectable.Introspect[{out s out}]",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if slices.Contains(got, "org.wsgid.Site1.Rollback[]") {
		t.Error("a method is shown for which there is no verb")
	}
	root, err := introspect.Call(conn.Object(BusName("my-blog"), "/"))
	if err != nil || len(root.Children) != 1 || root.Children[0].Name != "org" {
		t.Errorf("the way to the object begins with %+v, %v", root, err)
	}
}

// busctl is what an administrator has at hand.
func TestDBusBusctl(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("busctl")
	if err != nil {
		t.Skip("there is no busctl (Debian's package systemd): not proved that systemd's own D-Bus client works")
	}
	r, record := newBus(t), newRecorder()
	b := r.site(func(o *BusOptions) { o.Verbs = record.verbs() })
	b.Update(func(p *Properties) { p.State = Running })
	for _, test := range []struct{ args, want string }{
		{"call NAME PATH org.wsgid.Site1 Status", "s \"text of status\"\n"},
		{"call NAME PATH org.wsgid.Site1 Reload", ""},
		{"get-property NAME PATH org.wsgid.Site1 State", "s \"running\"\n"},
		{"tree --list NAME", "/\n/org\n/org/wsgid\n/org/wsgid/Site1\n"},
		{"introspect NAME PATH org.wsgid.Site1", ".RequestsInFlight  property  u         0            -"},
		{"introspect NAME PATH org.wsgid.Site1", ".State             property  s         \"running\"    emits-change"},
	} {
		args := strings.NewReplacer("NAME", BusName("my-blog"), "PATH", string(BusPath)).Replace(test.args)
		cmd := exec.CommandContext(t.Context(), path, append([]string{"--address=" + r.address}, strings.Fields(args)...)...)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), test.want) || test.want == "" && len(out) > 0 {
			t.Errorf("busctl %s: %v, says\n%s", args, err, out)
		}
	}
	next(t, record.asked)
}
