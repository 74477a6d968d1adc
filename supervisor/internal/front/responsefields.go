package front

import (
	"strconv"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/http1"
	"github.com/wsgid/wsgid/units/site"
)

// responseFields are what every response of a place has.
type responseFields struct {
	plain, secure []http1.Field // without TLS, and with it
}

func newResponseFields(p *site.Policy) responseFields {
	var f responseFields
	for _, line := range p.ResponseHeaders {
		name, value := site.SplitHeader(line)
		f.plain = append(f.plain, http1.Field{Name: []byte(name), Value: []byte(value)})
	}
	f.secure = f.plain[:len(f.plain):len(f.plain)]
	if p.HSTS > 0 {
		age := "max-age=" + strconv.FormatInt(int64(p.HSTS/time.Second), 10)
		f.secure = append(f.secure, http1.Field{Name: []byte("Strict-Transport-Security"), Value: []byte(age)})
	}
	return f
}

// vary has fields that replace Vary say that responses depend on Accept-Encoding.
func (f *responseFields) vary() {
	for _, fields := range [][]http1.Field{f.plain, f.secure} {
		for i := range fields {
			if equalFold(fields[i].Name, []byte("Vary")) {
				fields[i].Value = []byte(withAcceptEncoding(string(fields[i].Value)))
			}
		}
	}
}

// addFields has the response to the request say what its place says to everybody.
func (s *session) addFields() {
	fields := &s.rules().fields
	if len(fields.secure) == 0 {
		return
	}
	if s.scheme() == "https" {
		s.conn.Response.SetFields(fields.secure)
	} else {
		s.conn.Response.SetFields(fields.plain)
	}
}

// redirectToTLS gives the answer to a request that ought to come over TLS.
func (s *session) redirectToTLS() (status int, text, fields string) {
	host, _ := splitPort(s.host())
	name := string(host)
	if name == "" {
		name = s.vhost.name
	}
	if port := s.conf.securePort(); port != "" && port != "443" {
		name += ":" + port
	}
	req := &s.conn.Request
	status = 308 // the method stays (RFC 9110, 15.4.9)
	if string(req.Method) == "GET" || string(req.Method) == "HEAD" {
		status = 301
	}
	uri := req.Target
	if req.Form == http1.AbsoluteForm {
		uri = req.Path
		if req.Query != nil {
			uri = append(append(append([]byte(nil), uri...), '?'), req.Query...)
		}
	}
	if len(uri) == 0 {
		uri = []byte("/") // a gateway that does not say it
	}
	return status, "This is to be seen over https.", "Location: https://" + name + string(uri) + "\r\n"
}

// securePort is the port of the first address at which TLS is spoken; "" for none.
func (conf *settings) securePort() string {
	for _, l := range conf.secured {
		if port := l.Port(); port != "" {
			return port
		}
	}
	return ""
}
