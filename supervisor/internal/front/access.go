package front

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/wsgid/wsgid/units/site"
)

// guard is what the worker needs to say whether a request may reach the application:
// the front end asks, and runs nothing of the site itself. The worker knows the files
// that a rule names from its own site file. The zero value is for places that are
// open.
type guard struct {
	environ []byte // what is the same for every request
	group   string // whose processes ask
	user    bool   // they ask who the client is
	digest  bool   // by a scheme that needs nonces
}

func newGuard(a *site.Access, group string) guard {
	g := guard{group: group, user: a.AsksUser(), digest: a.Digest()}
	if rule := a.Rule(); rule != "" {
		var e environ
		e.add("wsgid.access", rule)
		g.environ = e.b
	}
	return g
}

// sign gives every group a key for its nonces. Groups belong to different users, so
// none gets that of another, nor the secret.
func (h *hosts) sign(secret []byte) {
	for _, one := range h.all {
		for p := range one.places.all {
			if !p.guard.digest {
				continue
			}
			key := hmac.New(sha256.New, secret)
			key.Write([]byte("nonces of " + p.guard.group)) // never fails (hash.Hash)
			e := environ{b: p.guard.environ}
			e.add("wsgid.nonce-key", fmt.Sprintf("%x", key.Sum(nil)))
			p.guard.environ = e.b
		}
	}
}

// appendGuard adds what the worker needs for a place that is not open.
func (s *session) appendGuard(e *environ) {
	g := &s.place.guard
	if g.environ == nil {
		return
	}
	var authorization []byte
	if g.user {
		authorization, _ = fieldValue(s.conn.Request.Fields, "Authorization") // two are no credentials of anybody
	}
	g.append(e, s.conn.Request.Method, authorization)
}

// append adds what the worker needs of a request whose client wrote such a method: the
// application may be shown another. authorization is nil for none.
func (g *guard) append(e *environ, method, authorization []byte) {
	if g.environ == nil {
		return
	}
	e.b = append(e.b, g.environ...)
	if g.digest {
		e.addBytes("wsgid.method", method)
	}
	if g.user && authorization != nil {
		e.addBytes("wsgid.authorization", authorization)
	}
}
