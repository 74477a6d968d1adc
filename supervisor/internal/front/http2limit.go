package front

import (
	"net/http"
	"sync"
	"time"
)

// A client may take nothing of an answer for so long, then its stream is reset. To say so
// to Go's server costs a message to the goroutine that has the connection, so it is said
// only where there is need: every stream begins with a limit of twice that time
// (http.Server.WriteTimeout), which holds for answers that come soon and at once.

// await lifts the limit of the stream when the answer takes long. The function that it
// returns is called when that has come.
func (e *exchange) await(w http.ResponseWriter) (answered func()) {
	e.limited = true
	if e.patience == 0 {
		return func() {}
	}
	var mu sync.Mutex
	over := false
	timer := time.AfterFunc(e.patience, func() {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			e.limit(w, 0)
		}
	})
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
}

// limit has the stream be reset unless the client takes within a time what is sent until
// then; 0 takes that back.
func (e *exchange) limit(w http.ResponseWriter, within time.Duration) {
	e.limited = within > 0 || e.patience == 0
	if e.patience == 0 {
		return
	}
	var deadline time.Time
	if within > 0 {
		deadline = time.Now().Add(within)
	}
	// The error is that of a writer that has no deadlines; Go's has.
	_ = http.NewResponseController(w).SetWriteDeadline(deadline)
}
