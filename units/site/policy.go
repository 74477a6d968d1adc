package site

import (
	"slices"
	"time"
)

// Policy has the keys that hold for a part of the URL space. Each may be written at
// the top level, in [[vhost]], in [[mount]] and in [[location]], those of a virtual
// host included; what is nearer to the request wins, and [[location]] wins over
// [[mount]].
type Policy struct {
	// RequestBody is the largest request body in bytes; 0 means no limit.
	RequestBody int64
	// ChunkedRequest takes request bodies with the chunked transfer coding.
	ChunkedRequest bool
	// PassAuthorization lets the application see the Authorization field.
	PassAuthorization bool
	// MapHEAD is when the application sees HEAD as GET: MapAlways, MapNever or MapAuto.
	MapHEAD string
	// OddHeaders is what becomes of header fields whose names are not made of letters,
	// digits and hyphens alone: HeadersDropped or HeadersRefused.
	OddHeaders string
	// TrustedProxies are the peers whose TrustedHeaders and X-Request-ID are believed.
	TrustedProxies Peers
	// TrustedHeaders are names of [ForwardingHeaders], in any case; of several that tell
	// one fact and are in a request the last one here counts. Nil means none, and the
	// application gets all of them as they come.
	TrustedHeaders []string
	// Allow and Deny say which clients are served; see [Policy.Admits].
	Allow, Deny Peers
	// ErrorPages replace the texts of errors; nil means none.
	ErrorPages Pages
	// ErrorOverride replaces what the application answers with an error status, too.
	ErrorOverride bool
	// Sendfile sends the files of wsgi.file_wrapper with sendfile(2).
	Sendfile bool
	// LocalRedirects answers what a GET for Location would, where an application answers
	// with status 200 and a Location that is a path.
	LocalRedirects bool
	// IgnoreActivity has requests not count for [Group.InactivityTimeout].
	IgnoreActivity bool
	// ResponseHeaders are fields, "Name: value", of every response; an empty value takes
	// those of the application away. Nil means none.
	ResponseHeaders []string
	// RedirectHTTPS sends requests that did not come over TLS there.
	RedirectHTTPS bool
	// HSTS is for how long clients are to come over TLS only; 0 does not tell them.
	HSTS time.Duration
	// Compress has the types of responses that are compressed, "text/*" for all of a kind;
	// nil means none.
	Compress []string
	// CompressMinimum is the size in bytes from which on they are; 0 means every size.
	CompressMinimum int64
	// RestrictProcess are the daemon groups that may serve the requests, as the file names
	// them; nil means any. See [Site.DispatchTargets].
	RestrictProcess []string
	// Access says which requests reach the application.
	Access Access
}

// When the application sees HEAD as GET.
const (
	// MapAlways is for applications that know no HEAD.
	MapAlways = "on"
	// MapNever leaves HEAD to the application.
	MapNever = "off"
	// MapAuto is MapAlways where responses may be compressed.
	MapAuto = "auto"
)

// What becomes of header fields that could be taken for others.
const (
	// HeadersDropped keeps them from the application.
	HeadersDropped = "drop"
	// HeadersRefused answers a request that has one with 400.
	HeadersRefused = "refuse"
)

// policyKeys are the keys of a Policy, for every table that may have them.
func policyKeys() []Key {
	return append([]Key{
		{
			Name: "limit-request-body", Type: TypeSize, Default: int64(1 << 30), ModWSGI: "LimitRequestBody", ModWSGIDefault: "1073741824",
			Meaning: "Largest request body; a larger one is answered 413; 0 means no limit.",
			Notes: "mod_wsgi-express has 10M. The default is Apache httpd's, so that a site that moves keeps its uploads; " +
				"a body is kept in a file, and takes no memory and no thread while it arrives.",
		},
		{
			Name: "chunked-request", Type: TypeBool, Default: true, ModWSGI: "WSGIChunkedRequest", ModWSGIDefault: "Off",
			Meaning: "Takes request bodies with the chunked transfer coding, of which the application gets the decoded bytes and, unless the body is longer than request-spool-limit, CONTENT_LENGTH; false answers them 411.",
		},
		{
			Name: "pass-authorization", Type: TypeBool, Default: true, ModWSGI: "WSGIPassAuthorization", ModWSGIDefault: "Off",
			Meaning: "Gives the Authorization header to the application, as mod_wsgi-express does; false hides it.",
		},
		{
			Name: "map-head-to-get", Type: TypeEnum, Values: []string{MapAuto, MapAlways, MapNever}, Default: MapAuto, ModWSGI: "WSGIMapHEADToGET", ModWSGIDefault: "Auto",
			Meaning: "Shows HEAD to the application as GET, whose body the client does not get: \"on\" always, \"off\" never, \"auto\" where responses may be compressed, so that HEAD is answered with the header fields of GET.",
		},
		{
			Name: "underscore-headers", Type: TypeEnum, Values: []string{HeadersDropped, HeadersRefused}, Default: HeadersDropped,
			Meaning: "What becomes of request header fields with other characters than letters, digits and hyphens in the name, for X_A could be taken for X-A: \"drop\" hides them, \"refuse\" answers the request 400.",
		},
		{
			Name: "trusted-proxies", Type: TypePeers, ModWSGI: "WSGITrustedProxies", ModWSGIDefault: "everyone",
			Meaning: "Peers whose trusted-proxy-headers and X-Request-ID are believed: networks, addresses, \"unix\" for every UNIX socket, or \"all\"; without it nobody's.",
		},
		{
			Name: "trusted-proxy-headers", Type: TypeStrings, check: checkForwarding, ModWSGI: "WSGITrustedProxyHeaders", ModWSGIDefault: "none",
			Meaning: "Headers by which trusted-proxies say who the client is and what it asked for; the application gets none of another peer's.",
			Notes:   forwardingNotes,
		},
		{
			Name: "allow", Type: TypePeers, ModWSGI: "Require",
			Meaning: "Clients that are served, others being answered 403: networks, addresses, \"unix\" for whoever connects to a UNIX socket, or \"all\"; without it everybody.",
			Notes:   accessNotes,
		},
		{
			Name: "deny", Type: TypePeers, ModWSGI: "Require",
			Meaning: "Clients that are answered 403, in the forms of allow.",
		},
		{
			Name: "ignore-activity", Type: TypeBool, Default: false, ModWSGI: "WSGIIgnoreActivity", ModWSGIDefault: "Off",
			Meaning: "Requests do not count for the group's inactivity-timeout, though they are waited for and wake it: for the probes of a monitor.",
		},
		{
			Name: "enable-sendfile", Type: TypeBool, Default: true, ModWSGI: "WSGIEnableSendfile", ModWSGIDefault: "Off",
			Meaning: "Sends the files of wsgi.file_wrapper with sendfile(2); false copies them, for file systems on which that goes wrong.",
		},
		{
			Name: "local-redirects", Type: TypeBool, Default: true,
			Meaning: "Answers a request with what GET of the path in Location gives, where an application answers with status 200 and a Location that begins with a slash; false sends its own answer.",
			Notes:   localRedirectNotes,
		},
		{
			Name: errorPageKey, Type: TypePages, ModWSGI: "ErrorDocument",
			Meaning: "Files or texts that are answered in place of wsgid's own error texts, by status or class.",
			Notes:   errorPageNotes,
		},
		{
			Name: "error-override", Type: TypeBool, Default: false, ModWSGI: "WSGIErrorOverride", ModWSGIDefault: "Off",
			Meaning: "Answers the error-page, or wsgid's own text, in place of what the application answers with a status from 400 to 599; its header fields stay, but for those that describe its body.",
		},
		restrictKey(),
	}, slices.Concat(responseKeys(), compressKeys(), accessKeys())...)
}

// localRedirectNotes are for the man page.
const localRedirectNotes = "It is what mod_wsgi does in daemon mode, and CGI's local redirect (RFC 3875, 6.2.2): the client sees no other address, and nothing of the first answer. " +
	"The path, percent-encoded and perhaps with a query string, is one of the same host; redirects and rewrites do not hold for it. It may lead to another mount, whose access rules hold, " +
	"and to static files, those with internal = true among them. The application there sees GET without a body, REQUEST_URI as the client has sent it, and REDIRECT_URL, " +
	"REDIRECT_QUERY_STRING and REDIRECT_STATUS, as Apache httpd has them. After ten of them for one request the answer is 500."

func policyFields(p *Policy) fields {
	return append(fields{
		{"limit-request-body", &p.RequestBody},
		{"chunked-request", &p.ChunkedRequest},
		{"pass-authorization", &p.PassAuthorization},
		{"map-head-to-get", &p.MapHEAD},
		{"underscore-headers", &p.OddHeaders},
		{"trusted-proxies", &p.TrustedProxies},
		{"trusted-proxy-headers", &p.TrustedHeaders},
		{"allow", &p.Allow},
		{"deny", &p.Deny},
		{"ignore-activity", &p.IgnoreActivity},
		{"enable-sendfile", &p.Sendfile},
		{"local-redirects", &p.LocalRedirects},
		{errorPageKey, &p.ErrorPages},
		{"error-override", &p.ErrorOverride},
		{"restrict-process", &p.RestrictProcess},
	}, slices.Concat(responseFields(p), compressFields(p), accessFields(&p.Access))...)
}
