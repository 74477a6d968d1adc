package group

import "time"

// How long a process may be silent inside a response that it has begun. Before that
// the request has request-timeout; and while the client takes nothing, silence is
// not the process's.

// setStarted takes note that the head of the response has been passed on.
func (t *thread) setStarted() {
	t.mu.Lock()
	t.job.started = true
	t.mu.Unlock()
	t.listen()
}

// listen begins to count the silence, if the process has something left to say.
func (t *thread) listen() {
	g := t.process.generation.group
	limit := g.conf().SocketTimeout
	if limit <= 0 {
		return
	}
	t.mu.Lock()
	counts := t.job.started && !t.job.over
	if counts {
		t.job.heard = time.Now()
	}
	t.mu.Unlock()
	if counts {
		g.mu.Lock()
		g.armSilenceLocked(limit)
		g.mu.Unlock()
	}
}

// noteHeard begins to count again, because something has come; or because something
// of the request was taken, whose reader may have had nothing to say before.
func (t *thread) noteHeard() {
	t.mu.Lock()
	if !t.job.heard.IsZero() {
		t.job.heard = time.Now()
	}
	t.mu.Unlock()
}

// stopListening has silence count for nothing until listen.
func (t *thread) stopListening() {
	t.mu.Lock()
	t.job.heard = time.Time{}
	t.mu.Unlock()
}

// silentFor is how long the process has said nothing; ok is false if that does not
// count.
func (t *thread) silentFor(now time.Time) (silence time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Sub(t.job.heard), !t.job.heard.IsZero() && !t.job.over
}

// armSilenceLocked makes sure that a timer runs while responses are under way: one
// for all of the group's, like those of its other deadlines.
func (g *Group) armSilenceLocked(wait time.Duration) {
	if g.silenceTimer == nil {
		g.silenceTimer = time.AfterFunc(wait, g.lookForSilence)
	}
}

// lookForSilence aborts the responses of which nothing has come for socket-timeout,
// and looks when it may be over for the next.
func (g *Group) lookForSilence() {
	now, limit, next := time.Now(), g.conf().SocketTimeout, time.Duration(0)
	var silent []*thread
	g.mu.Lock()
	g.silenceTimer = nil
	for _, t := range g.busyThreadsLocked() {
		silence, ok := t.silentFor(now)
		switch left := limit - silence; {
		case !ok || limit <= 0:
		case left <= 0:
			silent = append(silent, t)
		case next == 0 || left < next:
			next = left
		}
	}
	if next > 0 {
		g.armSilenceLocked(next)
	}
	g.mu.Unlock()
	for _, t := range silent {
		t.abortSilent(now.Add(-limit))
	}
}

// abortSilent ends the client's wait for the rest of a response of which nothing has
// come since then. The thread may yet come to an end with it, and serve on: what it
// says until then is passed over.
func (t *thread) abortSilent(since time.Time) {
	t.mu.Lock()
	j := t.job
	late := !j.heard.IsZero() && !j.over && !j.heard.After(since)
	if late {
		t.job.over, t.job.logged = true, true
	}
	t.mu.Unlock()
	if late {
		j.body.cancel()
		j.response.Abort(j.serial)
		t.process.generation.group.logEnd(t.process, j, "socket-timeout", "")
	}
}

// busyThreadsLocked are the threads that have a request.
func (g *Group) busyThreadsLocked() []*thread {
	var busy []*thread
	for _, gen := range g.generationsLocked() {
		for _, p := range gen.processes {
			for _, t := range p.threads {
				if t != nil && t.busy {
					busy = append(busy, t)
				}
			}
		}
	}
	return busy
}
