package site

import "strings"

// compressKeys are the keys of a [Policy] about the compression of responses.
func compressKeys() []Key {
	return []Key{
		{
			Name: "compress", Type: TypeStrings, check: checkMediaType, ModWSGI: "AddOutputFilterByType",
			Meaning: "Types of responses that are compressed with gzip for clients that take it, such as \"text/html\", or \"text/*\"; without it none is.",
			Notes:   compressNotes,
		},
		{
			Name: "compress-minimum-size", Type: TypeSize, Default: int64(1024),
			Meaning: "Size from which on a response is compressed, if it is known; 0 means every size.",
		},
	}
}

// compressNotes are for the man page.
const compressNotes = "A response that is compressed has a weak ETag and no Content-Length; every one of these types that could be has Vary: Accept-Encoding. " +
	"Left as they are: responses with Content-Encoding, Content-Range, a digest of their content or Cache-Control: no-transform, and the statuses 204, 206 and 304. " +
	"What an application yields is sent on compressed at once, so that server-sent events arrive when they are sent. " +
	"Static files are compressed anew for each request, where there is no precompressed file.\n\n" +
	"Do not compress pages over TLS that show a secret, such as a token against cross-site requests that is always the same, beside text that comes from the request: " +
	"the length of what is sent tells an attacker, who makes a browser ask for many such pages, the secret letter by letter (BREACH). " +
	"Frameworks that mask their tokens anew for each page, as Django does, are safe in this respect."

func compressFields(p *Policy) fields {
	return fields{
		{"compress", &p.Compress},
		{"compress-minimum-size", &p.CompressMinimum},
	}
}

// checkMediaType takes "text/html" and "text/*" (RFC 9110, 8.3.1), without parameters.
func checkMediaType(s string) *fault {
	const token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'+-.^_`|~"
	kind, rest, found := strings.Cut(s, "/")
	switch {
	case strings.Contains(s, ";"):
		return &fault{msg: quote(s) + " has a parameter", hint: "write " + quote(strings.TrimSpace(strings.Split(s, ";")[0]))}
	case found && kind != "" && strings.Trim(kind, token) == "" && (rest == "*" || rest != "" && strings.Trim(rest, token) == ""):
		return nil
	}
	return &fault{msg: quote(s) + " is not the type of a response", hint: `for example "text/html", or "text/*" for every kind of text`}
}
