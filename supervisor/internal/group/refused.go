package group

import (
	"errors"
	"fmt"
	"strings"
)

// refusal is an answer that access control in a worker may ask for, with what its
// page says; 0 for any other status.
func refusal(status string) (code int, sentence string) {
	switch status {
	case "400":
		return 400, "The credentials are for another request."
	case "401":
		return 401, "A user name and a password are needed that may have this."
	case "403":
		return 403, "Access is denied."
	case "503":
		return 503, "The rules of access are being changed; try again."
	}
	return 0, ""
}

// handleRefused answers a request that access control does not let to the
// application. The status and the fields are the worker's, the page is the site's.
func (t *thread) handleRefused(block []byte) error {
	j := t.current()
	switch {
	case j.response == nil:
		return errors.New("a refusal without a request")
	case j.started:
		return errors.New("a refusal after a response")
	case t.left > 0:
		return errors.New("a refusal with a body")
	}
	status, fields, err := parseRefusal(block, int(t.frame.Count))
	if err != nil {
		return err
	}
	if !j.over && t.takeOver() {
		code, sentence := refusal(status)
		id := j.requestID()
		j.response.Error(j.serial, code, Page(code, sentence, id), IDField(id)+fields)
	}
	return t.finish(j, nil)
}

// parseRefusal reads what a worker sends and returns the field lines. Workers are
// not trusted: what ends a line here would begin a header of their own.
func parseRefusal(block []byte, count int) (status, fields string, err error) {
	parts := strings.Split(string(block), "\x00")
	if code, _ := refusal(parts[0]); code == 0 || len(parts) != 1+2*count {
		return "", "", fmt.Errorf("a refusal with status %.20q and %d parts", parts[0], len(parts))
	}
	for i := 1; i < len(parts); i += 2 {
		name, value := parts[i], parts[i+1]
		if name != "WWW-Authenticate" && name != "Retry-After" || hasControl(value) {
			return "", "", fmt.Errorf("a refusal with the field %.40q", name)
		}
		fields += name + ": " + value + "\r\n"
	}
	return parts[0], fields, nil
}

func hasControl(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] == 0x7f {
			return true
		}
	}
	return false
}

// handleUser takes note of who the client is, for the access log.
func (t *thread) handleUser(name []byte) error {
	// With the lock nobody can have answered the client meanwhile, so the exchange is
	// not that of its next request.
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.job.response == nil:
		return errors.New("a user without a request")
	case t.job.started:
		return errors.New("a user after a response")
	case t.left > 0:
		return errors.New("a user with a body")
	}
	if !t.job.over {
		user := string(name)
		t.job.exchange.user.Store(&user)
	}
	return nil
}
