package site

import (
	"slices"
	"strconv"
	"strings"
)

// Fact is something about a request that only the proxy before the server knows.
type Fact int

// The facts that forwarding headers tell, and what each of them sets.
const (
	ClientFact Fact = iota // REMOTE_ADDR
	HostFact               // HTTP_HOST
	ServerFact             // SERVER_NAME
	PortFact               // SERVER_PORT
	ScriptFact             // SCRIPT_NAME
	SchemeFact             // wsgi.url_scheme
	// Facts is their number.
	Facts
)

// Forwarding is a header that tells a fact.
type Forwarding struct {
	Name  string
	Tells Fact
	// Flag says that the header tells with a word for yes or no whether the scheme
	// is https.
	Flag bool
	// List says that proxies may have added an element each, separated by commas.
	List bool
}

// ForwardingHeaders are all that may be in trusted-proxy-headers, those of mod_wsgi.
func ForwardingHeaders() []Forwarding {
	return []Forwarding{
		{Name: "X-Forwarded-For", Tells: ClientFact, List: true},
		{Name: "X-Client-IP", Tells: ClientFact},
		{Name: "X-Real-IP", Tells: ClientFact},
		{Name: "X-Forwarded-Host", Tells: HostFact, List: true},
		{Name: "X-Host", Tells: HostFact, List: true},
		{Name: "X-Forwarded-Server", Tells: ServerFact, List: true},
		{Name: "X-Forwarded-Port", Tells: PortFact, List: true},
		{Name: "X-Script-Name", Tells: ScriptFact},
		{Name: "X-Forwarded-Script-Name", Tells: ScriptFact},
		{Name: "X-Forwarded-Proto", Tells: SchemeFact, List: true},
		{Name: "X-Forwarded-Scheme", Tells: SchemeFact, List: true},
		{Name: "X-Scheme", Tells: SchemeFact, List: true},
		{Name: "X-Forwarded-HTTPS", Tells: SchemeFact, Flag: true, List: true},
		{Name: "X-Forwarded-SSL", Tells: SchemeFact, Flag: true, List: true},
		{Name: "X-HTTPS", Tells: SchemeFact, Flag: true, List: true},
	}
}

func checkForwarding(s string) *fault {
	var list []string
	for _, h := range ForwardingHeaders() {
		list = append(list, h.Name)
	}
	if slices.ContainsFunc(list, func(name string) bool { return strings.EqualFold(name, s) }) {
		return nil
	}
	f := &fault{msg: strconv.Quote(s) + " is no header that is understood; there are: " + strings.Join(list, ", ")}
	if near := nearest(s, list); near != "" {
		f.hint = "did you mean " + strconv.Quote(near) + "?"
	}
	return f
}

// forwardingRules refuses headers that are believed from nobody because no proxy is
// named anywhere. mod_wsgi believes everybody then.
func (d *decoder) forwardingRules() {
	if len(d.seen["trusted-proxies"]) > 0 {
		return
	}
	for _, n := range d.seen["trusted-proxy-headers"] {
		if n.list == nil || len(n.list) > 0 {
			d.fail(n.place, "trusted-proxy-headers", &fault{
				msg:  "there are no trusted-proxies, from whom the headers are believed",
				hint: `name them: trusted-proxies = ["127.0.0.1", "unix"]; or write trusted-proxies = [] to keep the headers from the application`,
			})
		}
	}
}

// forwardingNotes are for the man page.
const forwardingNotes = "X-Forwarded-For, X-Client-IP and X-Real-IP set REMOTE_ADDR (and the address in the access log and for allow and deny), " +
	"X-Forwarded-Host and X-Host HTTP_HOST, X-Forwarded-Server SERVER_NAME, X-Forwarded-Port SERVER_PORT, " +
	"X-Script-Name and X-Forwarded-Script-Name SCRIPT_NAME, and wsgi.url_scheme follows X-Forwarded-Proto, X-Forwarded-Scheme and X-Scheme, " +
	"which say http or https, and X-Forwarded-HTTPS, X-Forwarded-SSL and X-HTTPS, which say on, true or 1, or off, false or 0.\n\n" +
	"Once one of the headers for a variable is listed, the application gets none of the others for it, and from a peer that is not among trusted-proxies none at all. " +
	"Of several that are listed and in a request, the one that is listed last counts. A value that is not valid is taken for none. Headers that are not concerned stay as they came. " +
	"The virtual host and the mount are those of the request itself, whatever the headers say, and REMOTE_PORT is left out when only an address is told.\n\n" +
	"In X-Forwarded-For, where each proxy adds the address it was asked from, the client is the last one that is not itself among trusted-proxies, or the first of all; " +
	"what stands before it, which the client may have made up, is removed. " +
	"Where proxies add to another header as well, the element of the same proxy counts: the last one, if the client is the last in X-Forwarded-For, or if that header is not listed.\n\n" +
	"Name no header that the proxy does not set itself: it would pass on what a client sends. mod_wsgi without WSGITrustedProxies believes everybody; here that is trusted-proxies = \"all\"."
