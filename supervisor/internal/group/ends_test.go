package group

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/supervisor/internal/wire"
	"github.com/wsgid/wsgid/units/site"
)

// A process that ends with the request unread has not begun it.
func TestUnreadRequestIsRetried(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(2, 1)
	c := r.request("/x")
	w[0][0].arrived()
	w[0][0].close()
	w[1][0].serve()
	if c.answered(200).body != "/x" {
		t.Errorf("got %q", c.body)
	}
	if r.logged(abnormal) != 0 {
		t.Error("a request that went well was logged as an abnormal end")
	}
}

func TestRetriesAreBounded(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 8)
	c := r.request("/x")
	for i := range mostTries + 1 {
		w[0][i].arrived()
		w[0][i].close()
	}
	c.answered(502)
}

func TestLostAfterReading(t *testing.T) {
	for _, started := range []bool{false, true} {
		for _, exitFirst := range []bool{false, true} {
			t.Run(fmt.Sprint(started, exitFirst), func(t *testing.T) {
				r := newRig(t, nil)
				l, w := r.start(2, 1)
				c := r.request("/x")
				w[0][0].take(wire.Request)
				if started {
					w[0][0].send(raw(wire.Response, 0, 0, "200 OK", "part"))
					await(t, "the head", c.begun)
				}
				exited := wire.Message{Type: wire.ProcessExited, Process: 1, PID: 1001, Text: "signal 9 (killed)"}
				if exitFirst {
					l.tell(exited)
					w[0][0].ended()
				}
				w[0][0].close()
				if started {
					await(t, "the end", c.done)
					if !c.aborted {
						t.Error("it was not aborted")
					}
				} else if c.answered(502); !strings.Contains(c.text, "id/x") {
					t.Errorf("text %q", c.text)
				}
				if !exitFirst {
					l.tell(exited)
				}
				r.once(abnormal, "id/x", "signal 9 (killed)", "process=1", "pid=1001", "path=/x")
				next := r.request("/next")
				w[1][0].serve()
				next.answered(200)
			})
		}
	}
}

// A process that dies idle costs the next request nothing.
func TestDeadIdleThread(t *testing.T) {
	for range 200 {
		r := newRig(t, nil)
		_, w := r.start(2, 1)
		go w[0][0].close() // before, while or after the request is sent
		c := r.request("/x")
		served := make(chan struct{})
		go func() {
			defer close(served)
			if f, err := w[1][0].receive(); err == nil {
				w[1][0].answer(pathOf(f))
			}
		}()
		if c.answered(200).body != "/x" {
			t.Fatalf("got %q", c.body)
		}
		<-served
		r.stop()
	}
}

// A connection that ends together with its last bytes is seen to end: one event may
// stand for both.
func TestEndComesWithTheLastBytes(t *testing.T) {
	for range 100 {
		r := newRig(t, nil)
		_, w := r.start(1, 1)
		c := r.request("/x")
		w[0][0].answer(pathOf(w[0][0].take(wire.Request)))
		w[0][0].close()
		if c.answered(200).body != "/x" {
			t.Fatalf("got %q", c.body)
		}
		eventually(t, "the end of the connection", func() bool {
			r.group.mu.Lock()
			defer r.group.mu.Unlock()
			return r.group.current.processes[1].threads[0].lost
		})
		r.stop()
	}
}

// unsent is a request that is in nobody's hands, in a group without idle threads.
func (r *rig) unsent(path string) *client {
	r.t.Helper()
	c := r.request(path)
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	if !c.x.queued {
		r.t.Fatal("it is not queued")
	}
	r.group.queue.remove(c.x)
	return c
}

// A thread is chosen for a request, and its end is handled before it gets it.
func TestThreadEndsBetweenChoiceAndSending(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(2, 1)
	var chosen []*thread
	r.group.mu.Lock()
	for range 2 {
		th := r.group.pickLocked(true)
		r.group.takeLocked(th)
		chosen = append(chosen, th)
	}
	r.group.mu.Unlock()
	c := r.unsent("/x")
	w[0][0].close()
	eventually(t, "the thread's end", func() bool {
		chosen[0].mu.Lock()
		defer chosen[0].mu.Unlock()
		return chosen[0].ended
	})
	r.group.release(chosen[1])
	r.group.dispatch(chosen[0], c.x)
	w[1][0].serve()
	c.answered(200)
}

func TestPutBackAfterStop(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.QueueTimeout = 0 })
	c := r.unsent("/x")
	r.group.Stop(t.Context())
	r.group.putBack(c.x)
	c.answered(503)
}

func TestBrokenFrames(t *testing.T) {
	big := raw(wire.Response, 0, 0, "", "")
	big[7] = 0xff // 4 GiB of head
	tests := map[string][]byte{
		"oversized":            big,
		"wrong kind":           raw(wire.Request, 0, 0, "", ""),
		"unknown kind":         raw(99, 0, 0, "", ""),
		"body alone":           raw(wire.Data, 0, 0, "", "body"),
		"end alone":            raw(wire.End, 0, 0, "", ""),
		"second response":      append(raw(wire.Response, 0, 0, "200 OK", "x"), raw(wire.Response, 0, 0, "200 OK", "y")...),
		"no body to ask for":   raw(wire.Want, 0, 0, "", ""),
		"file alone":           fileFrame(0, 1),
		"malformed file frame": append(raw(wire.Response, 0, 0, "200 OK", "x"), raw(wire.File, 0, 0, "short", "")...),
	}
	for name, frames := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			l, w := r.start(2, 2)
			c := r.request("/x")
			w[0][0].take(wire.Request)
			w[0][0].send(frames)
			await(t, "the end", c.done)
			if c.started != c.aborted || !c.started && c.status != 502 {
				t.Errorf("started %v, aborted %v, status %d", c.started, c.aborted, c.status)
			}
			l.expect(wire.Replace)
			if m := l.expect(wire.StopProcess); m.Process != 1 || !m.Kill {
				t.Errorf("stop %+v", m)
			}
			r.once(abnormal, "id/x", "broken frame")
			// The other thread of that process is not used any more.
			a, b := r.request("/a"), r.request("/b")
			w[1][0].serve()
			w[1][1].serve()
			a.answered(200)
			b.answered(200)
		})
	}
}

// An answer nobody asked for ends the process too.
func TestAnswerWithoutRequest(t *testing.T) {
	r := newRig(t, nil)
	l, w := r.start(1, 1)
	w[0][0].answer("surprise")
	if m := l.expect(wire.StopProcess); !m.Kill {
		t.Errorf("stop %+v", m)
	}
}

// The client of a stream goes away: the thread's connection is ended, it
// offers another one, and nothing is left of the old ones.
func TestClientsGoneLeakNothing(t *testing.T) {
	r := newRig(t, nil)
	l, w := r.start(1, 2)
	before := descriptors(t)
	for i := range 1000 {
		thread := w[0][0]
		c := r.request("/x")
		thread.take(wire.Request)
		thread.send(raw(wire.Response, 0, 0, "200 OK", "x"))
		await(t, "the head", c.begun)
		c.mu.Lock()
		c.err = http1.ErrGone
		c.mu.Unlock()
		large := raw(wire.Data, 0, 0, "", strings.Repeat("x", 1<<20))
		if _, err := thread.stream.Write(large); err == nil {
			thread.ended()
		}
		thread.close()
		w[0][0] = l.offer(1, 0, 1)[0]
		r.status("the new connection", func(s Status) bool { return s.Busy == 0 })
		if i == 0 {
			before = descriptors(t)
		}
	}
	eventually(t, "the descriptors to be closed", func() bool { return descriptors(t) <= before })
	c := r.request("/last")
	w[0][0].serve()
	c.answered(200)
	if r.logged("broke the rules") != 0 {
		t.Error("a stream without a client was taken for a broken frame")
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("without /proc nothing is proved about descriptors: %v", err)
	}
	return len(entries)
}

// A connection that is offered before the end of the last one was seen.
func TestOfferOvertakesTheEnd(t *testing.T) {
	r := newRig(t, nil)
	l, w := r.start(1, 1)
	old := w[0][0]
	fresh := l.offer(1, 0, 1)[0]
	old.ended()
	c := r.request("/x")
	fresh.serve()
	c.answered(200)
	r.status("nothing to be busy", func(s Status) bool { return s.Busy == 0 })
}

func TestApplicationFailed(t *testing.T) {
	for _, started := range []bool{false, true} {
		t.Run(fmt.Sprint(started), func(t *testing.T) {
			r := newRig(t, nil)
			_, w := r.start(1, 1)
			c := r.request("/x")
			w[0][0].take(wire.Request)
			if started {
				w[0][0].send(raw(wire.Response, 0, 0, "200 OK", "part"))
			}
			w[0][0].send(raw(wire.Failed, 0, 0, "ValueError: no", ""))
			await(t, "the end", c.done)
			if c.aborted != started || !started && (c.status != 500 || !strings.Contains(c.text, "id/x")) {
				t.Errorf("aborted %v, status %d, text %q", c.aborted, c.status, c.text)
			}
			r.once(abnormal, "id/x", "application error: ValueError: no")
			next := r.request("/next")
			w[0][0].serve() // the thread goes on
			next.answered(200)
		})
	}
}

func TestInvalidResponse(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	c := r.request("/x", func(c *client) { c.err = &http1.HeadError{Reason: errors.New("a bad header")} })
	w[0][0].take(wire.Request)
	w[0][0].answer("x")
	c.answered(500)
	r.once(abnormal, "id/x", "invalid response: a bad header")
	next := r.request("/next")
	w[0][0].serve()
	next.answered(200)
}

func TestStreamedResponse(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	c := r.request("/x")
	w[0][0].take(wire.Request)
	want := "first"
	frames := raw(wire.Response, 0, 0, "200 OK", "first")
	for i := range 50 {
		text := strings.Repeat(fmt.Sprint(i), 5000)
		want += text
		frames = append(frames, raw(wire.Data, 0, 0, "", text)...)
	}
	frames = append(frames, raw(wire.End, 0, 0, "", "")...)
	go func() { _, _ = w[0][0].stream.Write(frames) }() // a failure shows in what arrives
	if c.answered(200).body != want {
		t.Errorf("%d bytes of %d came through", len(c.body), len(want))
	}
}

// A client that takes nothing stops the worker, and only until its response
// is over: the thread's next client does not wait for it.
func TestSlowClient(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	slow := r.request("/slow", func(c *client) { c.full = true })
	w[0][0].take(wire.Request)
	w[0][0].send(raw(wire.Response, 0, 0, "200 OK", "a"))
	await(t, "the head", slow.begun)
	w[0][0].send(raw(wire.Data, 0, 0, "", "b"), raw(wire.Data, wire.Last, 0, "", "c"))
	var room func()
	eventually(t, "the pause", func() bool { slow.mu.Lock(); defer slow.mu.Unlock(); room = slow.room; return room != nil })
	slow.waiting()
	slow.mu.Lock()
	slow.full = false
	slow.mu.Unlock()
	room()
	if slow.answered(200).body != "abc" {
		t.Errorf("got %q", slow.body)
	}

	last := r.request("/last-piece", func(c *client) { c.full = true })
	w[0][0].take(wire.Request)
	w[0][0].send(raw(wire.Response, 0, 0, "200 OK", ""))
	await(t, "the head", last.begun)
	eventually(t, "the pause", func() bool { last.mu.Lock(); defer last.mu.Unlock(); return last.room != nil })
	last.mu.Lock()
	room = last.room
	last.mu.Unlock()
	w[0][0].send(raw(wire.Data, wire.Last, 0, "", "z"))
	room() // once more there is room, and then none again
	last.answered(200)
	next := r.request("/next")
	w[0][0].serve()
	next.answered(200)
}

func TestFileResponse(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	before := descriptors(t)
	file := tempFile(t, "0123456789")
	c := r.request("/x")
	w[0][0].take(wire.Request)
	w[0][0].send(raw(wire.Response, 0, 0, "200 OK", ""), fileFrame(2, 5))
	w[0][0].take(wire.Take)
	w[0][0].sendDescriptor(file)
	w[0][0].send(raw(wire.End, 0, 0, "", ""))
	if c.answered(200).file != "23456" {
		t.Errorf("got %q", c.file)
	}
	file.Close()
	eventually(t, "the descriptors to be closed", func() bool { return descriptors(t) <= before })
	next := r.request("/next")
	w[0][0].serve()
	next.answered(200)
}

func TestProcessFailed(t *testing.T) {
	r := newRig(t, nil)
	r.group.Start()
	l := await(t, "a leader", r.leaders)
	queued := r.request("/queued")
	l.tell(wire.Message{Type: wire.ProcessFailed, Process: 1, Text: "Traceback: no such module"})
	queued.answered(503)
	if c := r.request("/x").answered(503); !strings.Contains(c.fields, "Retry-After") || strings.Contains(c.text, "Traceback") {
		t.Errorf("fields %q, text %q", c.fields, c.text)
	}
	var failed *StartError
	if err := r.group.WaitReady(t.Context()); !errors.As(err, &failed) || failed.Reason != "Traceback: no such module" {
		t.Errorf("WaitReady: %v", err)
	}
	if s := r.group.Status(); s.Failure == "" {
		t.Errorf("status %+v", s)
	}
	w := l.process(2, 1)
	r.status("the process", func(s Status) bool { return s.Processes == 1 && s.Failure == "" })
	c := r.request("/x")
	w[0].serve()
	c.answered(200)
}

func TestReload(t *testing.T) {
	r := newRig(t, nil)
	old, w := r.start(1, 1)
	inFlight, queued := r.request("/in-flight"), r.request("/queued")
	result := make(chan error, 1)
	go func() { result <- r.group.Reload(context.Background()) }()
	l := await(t, "a leader", r.leaders)
	if old.slot == l.slot {
		t.Errorf("both generations are in slot %s", l.slot)
	}
	fresh := l.process(1, 1)
	queued.waiting() // not before all of the generation is ready
	fresh[0].idle()
	l.tell(wire.Message{Type: wire.GroupReady})
	fresh[0].serve()
	if queued.answered(200); queued.x.Note.Generation != 2 {
		t.Errorf("served by generation %d", queued.x.Note.Generation)
	}
	next := r.request("/next")
	fresh[0].serve()
	next.answered(200)
	select {
	case err := <-result:
		t.Fatalf("Reload returned before the drain: %v", err)
	default:
	}
	w[0][0].serve()
	inFlight.answered(200)
	old.expect(wire.Shutdown)
	if err := await(t, "Reload", result); err != nil {
		t.Error(err)
	}
	if s := r.group.Status(); s.Generation != 2 {
		t.Errorf("status %+v", s)
	}
}

func TestFailedReloadChangesNothing(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	result := make(chan error, 1)
	go func() { result <- r.group.Reload(context.Background()) }()
	l := await(t, "a leader", r.leaders)
	l.tell(wire.Message{Type: wire.ProcessFailed, Process: 1, Text: "SyntaxError"})
	l.expect(wire.Shutdown)
	var failed *StartError
	if err := await(t, "Reload", result); !errors.As(err, &failed) {
		t.Errorf("Reload: %v", err)
	}
	c := r.request("/x")
	w[0][0].serve()
	c.answered(200)
	if s := r.group.Status(); s.Generation != 1 || s.Failure != "" {
		t.Errorf("status %+v", s)
	}
}

func TestDrainLimit(t *testing.T) {
	r := newRig(t, func(g *site.Group) { g.GracefulTimeout = 100 * time.Millisecond })
	_, w := r.start(1, 2)
	fresh, begun := r.request("/fresh"), r.request("/begun")
	w[0][0].take(wire.Request)
	w[0][1].take(wire.Request)
	w[0][1].send(raw(wire.Response, 0, 0, "200 OK", "part"))
	await(t, "the head", begun.begun)
	result := make(chan error, 1)
	go func() { result <- r.group.Reload(context.Background()) }()
	l := await(t, "a leader", r.leaders)
	l.process(1, 1)
	l.tell(wire.Message{Type: wire.GroupReady})
	fresh.answered(503)
	await(t, "the end", begun.done)
	if !begun.aborted {
		t.Error("a response that was cut off was not aborted")
	}
	r.once(abnormal, "id/fresh", "cause=graceful-timeout")
	r.once(abnormal, "id/begun", "cause=graceful-timeout")
	if err := await(t, "Reload", result); err != nil {
		t.Error(err)
	}
}

func TestLeaderDies(t *testing.T) {
	r := newRig(t, nil)
	l, w := r.start(1, 1)
	c := r.request("/x")
	w[0][0].take(wire.Request)
	l.control.Close()
	c.answered(502)
	next := r.request("/next")
	fresh := await(t, "another leader", r.leaders).process(1, 1)
	fresh[0].serve()
	next.answered(200)
	if next.x.Note.Generation != 2 {
		t.Errorf("served by generation %d", next.x.Note.Generation)
	}
}

// Leaders that die at once are not started in a busy loop, and Stop does not
// wait for the next one.
func TestLeadersThatDieAtOnce(t *testing.T) {
	r := newRig(t, nil)
	r.group.Start()
	began, count := time.Now(), 0
	for time.Since(began) < 1200*time.Millisecond {
		select {
		case l := <-r.leaders:
			l.control.Close()
			count++
		case <-time.After(20 * time.Millisecond):
		}
	}
	if count != 2 { // at once, and half a second later
		t.Errorf("%d leaders were started in %v", count, time.Since(began))
	}
	began = time.Now()
	r.stop()
	if d := time.Since(began); d > 400*time.Millisecond {
		t.Errorf("Stop took %v", d)
	}
}

func TestLaunchFails(t *testing.T) {
	r := newRig(t, nil)
	l, _ := r.start(1, 1)
	refusals := make(chan struct{}, 100)
	r.mu.Lock()
	r.refuse = func() error { refusals <- struct{}{}; return errors.New("no such program") }
	r.mu.Unlock()
	l.control.Close()
	await(t, "a try", refusals)
	await(t, "another try", refusals)
	time.Sleep(100 * time.Millisecond)
	if n := len(refusals); n != 0 {
		t.Errorf("%d further tries at once", n)
	}
	if err := r.group.Reload(t.Context()); err == nil {
		t.Error("Reload says nothing of a leader that cannot be started")
	}
}

func TestStop(t *testing.T) {
	r := newRig(t, nil)
	_, w := r.start(1, 1)
	running, queued := r.request("/running"), r.request("/queued")
	w[0][0].take(wire.Request)
	r.group.Stop(t.Context())
	running.answered(503)
	queued.answered(503)
	r.once(abnormal, "id/running", "cause=shutdown")
	r.request("/late").answered(503)
	r.group.Stop(t.Context())
}

// A request whose thread is lost while the group is stopped is answered, too.
func TestStopDuringRetry(t *testing.T) {
	for range 100 {
		r := newRig(t, nil)
		_, w := r.start(1, 2)
		c := r.request("/x")
		go w[0][0].close()
		r.group.Stop(t.Context())
		await(t, "an answer", c.done)
		r.stop()
	}
}

func TestReloadDuringStop(t *testing.T) {
	for range 50 {
		r := newRig(t, nil)
		r.start(1, 1)
		result := make(chan error, 1)
		go func() { result <- r.group.Reload(context.Background()) }()
		r.stop()
		await(t, "Reload", result)
	}
}

func TestFilesLoaded(t *testing.T) {
	r := newRig(t, nil)
	l, _ := r.start(1, 1)
	l.tell(wire.Message{Type: wire.FilesLoaded, Process: 1, Files: []string{"/a.py", "/b.py"}})
	if got := await(t, "the files", r.files); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}
