package load

import "time"

// pace spreads the bytes of a transfer evenly over a time.
type pace struct {
	begun time.Time
	over  time.Duration
	total int64
	cut   <-chan struct{} // ends every wait
}

// wait returns when done of the total bytes are due.
func (p *pace) wait(done int64) {
	due := p.begun.Add(time.Duration(float64(p.over) * float64(done) / float64(p.total)))
	left := time.Until(due)
	// Below what a timer is good for, waiting only costs.
	if left < time.Millisecond {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.cut:
	}
}
