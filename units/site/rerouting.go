package site

import (
	"regexp"
	"slices"
	"strings"
)

// Rerouting says for which requests something else counts than the URL that they name,
// and what: the part that a [Redirect] and a [Rewrite] have in common. Both are applied
// before a mount or static files are chosen, in file order, the redirects first.
type Rerouting struct {
	// Path is the URL path, decoded, without a trailing slash except "/" itself, for which
	// it holds, and for what is below, which is appended to To; "" when PathMatch is set.
	Path string
	// PathMatch is a regular expression for decoded URL paths; "" when Path is set. To
	// stands for the whole of a path in which it is found.
	PathMatch string
	// QueryMatch is a regular expression for query strings, as they were sent; "" for any.
	QueryMatch string
	// Hosts are names for which it holds, "*.example.org" for all below; nil means all.
	Hosts []string
	// Methods are those for which it holds; nil means all.
	Methods []string
	// To is the URL in place of that of the request: see [Rerouting.Target].
	To string
	// Query is what becomes of the request's query string: QueryKept, QueryDropped or
	// QueryAppended.
	Query string
}

// Redirect answers with another URL.
type Redirect struct {
	Rerouting
	// Status is 301, 302, 303, 307 or 308; or 404 or 410, without To.
	Status int
}

// Rewrite has a request go on with another path, or another query string.
type Rewrite struct {
	Rerouting
	// Last ends the rewriting; else the rewrites behind it see the new path.
	Last bool
}

// What becomes of the query string of a request that is rerouted.
const (
	// QueryKept keeps it, unless To has one.
	QueryKept = "keep"
	// QueryDropped leaves that of To, or none.
	QueryDropped = "drop"
	// QueryAppended puts it behind that of To.
	QueryAppended = "append"
)

// Matchers are PathMatch and QueryMatch; nil for one that is not set.
func (r *Rerouting) Matchers() (path, query *regexp.Regexp) {
	if r.PathMatch != "" {
		path = regexp.MustCompile(r.PathMatch)
	}
	if r.QueryMatch != "" {
		query = regexp.MustCompile(r.QueryMatch)
	}
	return path, query
}

// redirectStatuses are those of a [Redirect] (RFC 9110, 15.4).
func redirectStatuses() []int { return []int{301, 302, 303, 307, 308} }

// LeadsNowhere reports whether clients are told that there is nothing.
func (r *Redirect) LeadsNowhere() bool { return r.Status == 404 || r.Status == 410 }

func reroutingKeys() []Key {
	return []Key{
		{
			Name: "path", Type: TypeString, check: checkURLPath,
			Meaning: "URL path that it holds for, and for what is below it, which is appended to the path of to.",
		},
		{
			Name: "path-match", Type: TypeString, check: checkExpression,
			Meaning: "Regular expression for URL paths that it holds for, in place of path; to stands for the whole path, and $1 in it for what the first group has matched.",
			Notes: "The expression (RE2's syntax) is looked for in the decoded path, which begins with a slash: ^ and $ tie it to the beginning and the end. " +
				"$0 in to is all that it has matched, and ${name} the group (?P<name>...).",
		},
		{
			Name: "query-match", Type: TypeString, check: checkQueryExpression, ModWSGI: "RewriteCond",
			Meaning: "Regular expression for query strings, as they were sent, without which it does not hold; to has its groups by their names, ${name}.",
		},
		{Name: "host", Type: TypeStrings, check: checkHostPattern, Meaning: "Host names that it holds for; \"*.example.org\" is every name below example.org; all when it is not written."},
		{Name: "method", Type: TypeStrings, check: checkMethod, Meaning: "Request methods that it holds for, \"GET\" with HEAD; all when it is not written."},
		{
			Name: "query", Type: TypeEnum, Values: []string{QueryKept, QueryDropped, QueryAppended}, Default: QueryKept,
			Meaning: "What becomes of the request's query string: \"keep\" keeps it where to has none, \"drop\" does not, \"append\" puts it behind that of to.",
		},
	}
}

func redirectKeys() []Key {
	common := reroutingKeys()
	lookup(common, "path-match").ModWSGI = "RedirectMatch"
	return append(common, []Key{
		{
			Name: "to", Type: TypeString, ModWSGI: "Redirect",
			Meaning: "Address that clients are sent to: \"https://www.example.org/new\", or \"/new\" for one at the same host.",
			Notes: "It is written as in a link, percent-encoded. What comes into it from the request is percent-encoded, so that it stays in its part of the address; " +
				"the host never comes from the request.",
		},
		{
			Name: "status", Type: TypeInt, Min: 301, Max: 410, Default: int64(302),
			Meaning: "Status of the answer: 301 or 308 for good, 302, 303 or 307 for now; 307 and 308 keep the method and the body; 410 and 404, without to, say that nothing is there.",
		},
	}...)
}

func rewriteKeys() []Key {
	return append(reroutingKeys(), []Key{
		{
			Name: "to", Type: TypeString, ModWSGI: "RewriteRule",
			Meaning: "Path that counts in place of the request's, percent-encoded as in a link, with a query string behind \"?\" if it gets another.",
			Notes: "Mounts, static files, locations and all keys for them are those of the new path. The application gets it as SCRIPT_NAME and PATH_INFO, and the new QUERY_STRING; " +
				"REQUEST_URI stays what the client has sent, and REDIRECT_URL is its path, REDIRECT_QUERY_STRING its query string, REDIRECT_STATUS 200, as Apache httpd has it. " +
				"What comes out is a path like any other: repeated slashes count as one, and \"..\" cannot lead above the root, which is answered 400. " +
				"One that has become longer than limit-request-head-size is answered 414.",
		},
		{
			Name: "last", Type: TypeBool, Default: false,
			Meaning: "Ends the rewriting here; false has the rewrites behind it see the new path. Each is tried once, in file order, so that there is no loop.",
		},
	}...)
}

func reroutingFields(r *Rerouting) fields {
	return fields{
		{"path", &r.Path},
		{"path-match", &r.PathMatch},
		{"query-match", &r.QueryMatch},
		{"host", &r.Hosts},
		{"method", &r.Methods},
		{"query", &r.Query},
		{"to", &r.To},
	}
}

func redirectFields(r *Redirect) fields {
	return append(reroutingFields(&r.Rerouting), field{"status", &r.Status})
}

func rewriteFields(r *Rewrite) fields {
	return append(reroutingFields(&r.Rerouting), field{"last", &r.Last})
}

func newRedirect() *Redirect {
	r := &Redirect{}
	applyDefaults(tableRedirect, redirectFields(r))
	return r
}

func newRewrite() *Rewrite {
	r := &Rewrite{}
	applyDefaults(tableRewrite, rewriteFields(r))
	return r
}

// Settings lists the keys of the redirect that do not have their defaults, without those
// that say where from and where to.
func (r *Redirect) Settings() []Setting {
	return ownSettings(redirectFields(r), redirectFields(newRedirect()))
}

// Settings lists those of the rewrite.
func (r *Rewrite) Settings() []Setting {
	return ownSettings(rewriteFields(r), rewriteFields(newRewrite()))
}

func ownSettings(fs, std fields) []Setting {
	return slices.DeleteFunc(fs.differing(std), func(s Setting) bool { return slices.Contains([]string{"path", "path-match", "to"}, s.Key) })
}

func checkQueryExpression(s string) *fault {
	f := checkExpression(s)
	if f != nil && s == "" {
		f.hint = "leave query-match out"
	}
	return f
}

// checkMethod holds methods to the names that clients send, which are case-sensitive (RFC
// 9110, 9.1).
func checkMethod(s string) *fault {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	switch {
	case s != "" && strings.Trim(s, letters+"-") == "":
		return nil
	case s != "" && strings.Trim(strings.ToUpper(s), letters+"-") == "":
		return &fault{msg: quote(s) + " is not a method", hint: "write " + quote(strings.ToUpper(s))}
	}
	return &fault{msg: quote(s) + " is not a method", hint: `for example "GET"`}
}
