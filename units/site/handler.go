package site

import (
	"strconv"
	"strings"
)

// Handler has files of certain names answered by an application, below the directories
// of a host's static files (mod_wsgi's WSGIHandlerScript with Apache's AddHandler).
type Handler struct {
	// Path is the URL path at or below which the files are, "/" for all of the host.
	Path string
	// Suffixes are the endings of their names, with the dot; never empty after Parse.
	Suffixes []string
	// Run is the application, with neither Path nor PathMatch. The keys of the static
	// files hold for requests, not its Policy.
	Run *Mount
}

// DefaultHandlerCallable is the name of a handler's function when none is written.
const DefaultHandlerCallable = "handle_request"

func handlerKeys() []Key {
	keys := []Key{
		{
			Name: "suffix", Type: TypeStrings, check: checkHandledSuffix, ModWSGI: "AddHandler",
			Meaning: "Endings of file names, such as \".rst\": a file with one of them below a [[static]] directory is not sent; the application answers for it, to any method.",
			Notes: "SCRIPT_FILENAME is the path of the file, which the application opens itself, as its own user; SCRIPT_NAME is the URL path that leads to the file, and PATH_INFO what follows it. " +
				"mod_wsgi.handler_script is the application's own script, and mod_wsgi.request_handler the suffix without its dot. There is no PATH_TRANSLATED, as in mod_wsgi 6.\n\n" +
				"The front end looks whether the file is there, below the directory and as the keys of the [[static]] say; it needs no right to read it. " +
				"Those keys, and those of a [[location]], hold for the request. A file that is the index of a directory answers for the directory. " +
				"The files of a [[static]] with internal = true have no handler. Of several suffixes of one name the longest counts, and of several handlers that with the longest path.",
		},
		{Name: "path", Type: TypeString, check: checkURLPath, Default: "/", Meaning: "URL path at or below which the files are."},
		{
			Name: "script", Type: TypeString, ModWSGI: "WSGIHandlerScript",
			Meaning: "Absolute path of the file that has the application; processes load it when they start.",
		},
		{Name: "module", Type: TypeString, Meaning: "Module that has the application, in place of script: \"package.module\" or \"package.module:callable\"."},
		{
			Name: "callable-object", Type: TypeString, check: checkCallable,
			Meaning: "Name of the application, handle_request(environ, start_response) of mod_wsgi's handler scripts; \"handle_request\" when it is not written.",
		},
	}
	for _, k := range mountKeys() {
		switch k.Name {
		case "group", "application-group", "script-reloading":
			keys = append(keys, k)
		}
	}
	return keys
}

func checkHandledSuffix(s string) *fault {
	if len(s) > 1 && s[0] == '.' && !strings.ContainsAny(s, "/\x00") {
		return nil
	}
	return &fault{msg: strconv.Quote(s) + " is no ending of file names", hint: `for example ".rst"`}
}

// handlerFields leaves out the module's ":callable", as mountFields does.
func handlerFields(h *Handler) fields {
	return fields{
		{"path", &h.Path},
		{"suffix", &h.Suffixes},
		{"script", &h.Run.Script},
		{"module", &h.Run.Module},
		{"callable-object", &h.Run.Callable},
		{"group", &h.Run.Group},
		{"application-group", &h.Run.ApplicationGroup},
		{"script-reloading", &h.Run.ScriptReloading},
	}
}

// newHandler has all defaults but the callable's, which the module may name.
func (v *Vhost) newHandler() *Handler {
	h := &Handler{Run: &Mount{Policy: v.Policy, handler: true}}
	applyDefaults(tableHandler, handlerFields(h))
	return h
}

// Covers reports whether a URL path is one at or below which the files are.
func (h *Handler) Covers(path string) bool { return covers(h.Path, path) }

// handlerAt is the key of a handler.
func (v *Vhost) handlerAt(i int) string { return v.below(elementKey("handler", i)) }

// handlerTables reads the handlers of a host.
func (d *decoder) handlerTables(h *host) {
	d.tablesOf(h, "handler", func(n *node, key string) {
		one := h.newHandler()
		d.table(tableHandler, n, key+".", handlerFields(one))
		h.Handlers, h.handlers = append(h.Handlers, one), append(h.handlers, n)
	})
}

// handlerRules checks the handlers of a host; good are those that name an application.
// It reports whether all of them have a group.
func (d *decoder) handlerRules(h *host) (good []mounted, resolved bool) {
	resolved = true
	taken := map[[2]string]place{} // by path and suffix
	for i, one := range h.Handlers {
		n := h.handlers[i]
		d.handledFiles(h, one, n, taken)
		m := mounted{Mount: one.Run, host: h, node: n, table: "handler"}
		target := d.handlerTarget(m)
		group := d.mountGroup(m)
		resolved = resolved && group
		if target && group {
			good = append(good, m)
		}
	}
	return good, resolved
}

// handledFiles refuses a handler that no request can come to.
func (d *decoder) handledFiles(h *host, one *Handler, n *node, taken map[[2]string]place) {
	suffix := n.table["suffix"]
	if suffix == nil || suffix.list != nil && len(suffix.list) == 0 {
		d.fail(n.place, h.table("handler"), &fault{msg: "suffix is missing", hint: `suffix = ".rst"`})
		return
	}
	for i, s := range one.Suffixes {
		at := suffix.place
		if i < len(suffix.list) {
			at = suffix.list[i].place
		}
		if first, found := taken[[2]string{one.Path, s}]; found {
			d.fail(at, h.table("handler.suffix"), &fault{msg: strconv.Quote(s) + " has a handler already, at " + first.String()})
			continue
		}
		taken[[2]string{one.Path, s}] = at
	}
	for _, st := range h.Statics {
		if !st.Internal && (st.Path == "" || st.Covers(one.Path) || one.Covers(st.Path)) {
			return
		}
	}
	d.fail(n.place, h.table("handler"), &fault{
		msg:  "there is no [[" + h.table("static") + "]] whose files it could be for, at " + quote(one.Path) + ", above or below it",
		hint: "the directory of the files is named by a [[" + h.table("static") + "]], which may not be internal",
	})
}

// handlerTarget reports whether script or module name an application.
func (d *decoder) handlerTarget(m mounted) bool {
	before := len(d.errs)
	d.scriptOrModule(m, `script = "/path/to/handler.py", or module = "package.module:handle_request"`)
	if m.Callable == "" {
		m.Callable = DefaultHandlerCallable
	}
	return len(d.errs) == before && m.Script+m.Module != ""
}
