package group

// forbid takes note of why the script of a generation may not be executed any more;
// "" takes that back. Requests under way go on, no other begins.
func (gen *generation) forbid(why string) {
	g := gen.group
	g.mu.Lock()
	gen.refusal = why
	var waiting []*Exchange
	if why != "" && gen == g.current {
		waiting = g.flushLocked()
	}
	g.mu.Unlock()
	if why != "" {
		g.log.Error("the script may not be executed; requests are answered 403: "+why, "generation", gen.number)
	}
	for _, x := range waiting {
		forbidden(x)
	}
	g.changed()
}

// forbidden answers a request that a script of another owner would get.
func forbidden(x *Exchange) {
	x.fail(403, "The application may not be executed; the log says why.", "")
}

// failureAnswerLocked gives the answer for requests that come while there is no
// process because of failure.
func (g *Group) failureAnswerLocked() func(*Exchange) {
	if g.denied != "" && g.denied == g.failure {
		return forbidden
	}
	return func(x *Exchange) {
		x.fail(503, "The application cannot be started; the log says why.", retryAfter)
	}
}
