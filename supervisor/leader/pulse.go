package leader

import (
	"fmt"
	"time"
)

const (
	// longestPing bounds the time between two pings: a site at rest should wake
	// rarely, and a deadlock be found soon after its time.
	longestPing = 30 * time.Second
	// extendTime is what systemd is asked to go on waiting while the leader starts
	// or ends, and extendEvery how often: it has patience with a leader that
	// lives, which keeps the timeouts of the site file itself.
	extendTime  = 60 * time.Second
	extendEvery = 15 * time.Second
)

// pulse is what the event loop does at regular times: it asks the processes
// whether they live, and tells systemd that the leader does.
type pulse struct {
	alarm  alarm
	ping   beat // of each ready process
	weigh  beat // of each process's memory
	feed   beat // of systemd's watchdog
	extend beat // of systemd's timeouts
}

// beat is one regular task.
type beat struct {
	period time.Duration // 0 means never
	next   time.Time
}

// due reports whether it is time, or so near to it that one waking can serve
// for two tasks.
func (b *beat) due(now time.Time) bool {
	if b.period == 0 || now.Before(b.next.Add(-b.period/8)) {
		return false
	}
	b.next = now.Add(b.period)
	return true
}

// every changes the period. A task that begins is due at once.
func (b *beat) every(period time.Duration, now time.Time) {
	if b.period != period {
		b.period, b.next = period, now
	}
}

// pingPeriod is how often processes are pinged, for a deadlock-timeout.
func pingPeriod(deadlock time.Duration) time.Duration {
	if deadlock == 0 {
		return 0
	}
	return min(max(deadlock/4, 10*time.Millisecond), longestPing)
}

// beginPulse chooses how often things are done. A third of the watchdog's time
// leaves room for one message that systemd was too busy to take.
func (l *Leader) beginPulse() {
	now := time.Now()
	l.pulse.ping.every(pingPeriod(l.options.Group.DeadlockTimeout), now)
	if l.options.Group.MaximumMemory > 0 {
		l.pulse.weigh.every(weighEvery, now)
	}
	l.pulse.feed.every(l.options.Watchdog/3, now)
	l.setPulse()
}

// setPulse sets the alarm for what is due next.
func (l *Leader) setPulse() {
	now := time.Now()
	extend := extendEvery
	if l.options.Notifier == nil || l.ready && !l.leaving && !l.stopping {
		extend = 0
	}
	l.pulse.extend.every(extend, now)
	var next time.Time
	for _, b := range []*beat{&l.pulse.ping, &l.pulse.weigh, &l.pulse.feed, &l.pulse.extend} {
		if b.period > 0 && (next.IsZero() || b.next.Before(next)) {
			next = b.next
		}
	}
	if next.IsZero() {
		l.pulse.alarm.stop()
		return
	}
	l.pulse.alarm.set(max(0, time.Until(next)))
}

func (l *Leader) handlePulse() {
	now := time.Now()
	if l.pulse.ping.due(now) {
		l.pingAll()
	}
	if l.pulse.weigh.due(now) {
		l.weighAll()
	}
	if l.pulse.feed.due(now) && l.fresh() {
		l.options.Notifier.Watchdog()
	}
	if l.pulse.extend.due(now) {
		l.options.Notifier.ExtendTimeout(extendTime)
	}
	l.setPulse()
}

// pingAll has the main thread of each ready process answer, which takes the
// interpreter's lock. What has not answered for deadlock-timeout is replaced.
// Time is counted in pings: neither a machine that was suspended nor a leader
// that got no processor is the fault of a process.
func (l *Leader) pingAll() {
	for _, p := range l.processes {
		if p.readyAt.IsZero() || p.ending() {
			continue
		}
		p.missed++ // until the answer comes
		if p.missed == 1 {
			_ = p.say("ping") // one that does not get it does not answer
		}
		if l.overdue(p) {
			l.endDeadlocked(p)
		}
	}
}

// ending reports whether nothing is expected of the process any more.
func (p *process) ending() bool { return p.stopped || p.failed || p.cause != "" }

// overdue reports whether a ping was not answered for deadlock-timeout.
func (l *Leader) overdue(p *process) bool {
	return time.Duration(p.missed-1)*l.pulse.ping.period >= l.options.Group.DeadlockTimeout
}

func (l *Leader) endDeadlocked(p *process) {
	p.cause = fmt.Sprintf("no answer within deadlock-timeout (%s)", l.options.Group.DeadlockTimeout)
	p.deadlocked = true
	l.logger().Error("the interpreter of a worker process does not answer; ending it", append(attributes(p.number, p.pid), "cause", p.cause)...)
	l.killWithStacks(p)
}

// fresh reports whether the leader does what it is for: no process is overdue
// that it has not begun to end.
func (l *Leader) fresh() bool {
	if l.pulse.ping.period == 0 {
		return true
	}
	for _, p := range l.processes {
		if !p.readyAt.IsZero() && !p.ending() && l.overdue(p) {
			return false
		}
	}
	return true
}
