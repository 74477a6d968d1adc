package site

import (
	"slices"
	"strings"
	"testing"
)

// modWSGIDefaults are mod_wsgi's names and what holds there when they are not
// written, as its source has them (6.0): "" for what is then not set. A list of several
// has the default of the name itself first, and then in other words.
func modWSGIDefaults() map[string][]string {
	zero, off, on, unset := []string{"0", "off"}, []string{"Off", "off"}, []string{"On"}, []string{""}
	return map[string][]string{
		// WSGIDaemonProcess
		"processes": {"1"}, "threads": {"15"}, "user": {"Apache User"}, "group": {"Apache Group"},
		"supplementary-groups": unset, "umask": unset, "home": unset, "chroot": unset, "lang": unset, "locale": unset,
		"display-name": unset, "python-home": {"WSGIPythonHome"}, "python-path": unset, "python-eggs": unset,
		"switch-interval": {"0.005", "0"}, "stack-size": {"", "0"}, "maximum-requests": zero, "restart-interval": zero,
		"inactivity-timeout": zero, "request-timeout": zero, "interrupt-timeout": zero, "deadlock-timeout": {"300"},
		"startup-timeout": zero, "graceful-timeout": {"15"}, "eviction-timeout": zero, "shutdown-timeout": {"5"},
		"connect-timeout": {"15"}, "socket-timeout": {"60", "0"}, "queue-timeout": zero, "listen-backlog": {"100"},
		"socket-user": {"Apache User"}, "send-buffer-size": zero, "receive-buffer-size": zero,
		"header-buffer-size": {"32768"}, "response-buffer-size": {"8388608"}, "response-socket-timeout": {"0", "60"},
		"response-flush-delay": {"5ms"}, "script-user": unset, "script-group": unset, "cpu-time-limit": zero,
		"cpu-priority": zero, "memory-limit": zero, "virtual-memory-limit": zero, "server-metrics": off,
		// Directives of the server
		"WSGIDaemonProcess": unset, "WSGISocketPrefix": unset, "WSGISocketRotation": on, "WSGIAcceptMutex": unset,
		"WSGIPythonHome": unset, "WSGIPythonPath": unset, "WSGIPythonEggs": unset, "WSGIPythonOptimize": zero,
		"WSGIDontWriteBytecode": off, "WSGIPythonWarnings": unset, "WSGIPythonHashSeed": {"random"},
		"WSGISwitchInterval": unset, "WSGIDestroyInterpreter": on, "WSGIPerInterpreterGIL": off, "WSGIFreeThreading": off,
		"WSGIInterpreterOptions": unset, "WSGIRestrictEmbedded": off, "WSGIRestrictStdin": off, "WSGIRestrictStdout": off,
		"WSGIRestrictSignal": on, "WSGICaseSensitivity": on, "WSGIServerMetrics": off, "WSGITelemetryService": unset,
		"WSGISlowRequests": off, "WSGITelemetryOptions": unset, "WSGIVerboseDebugging": off,
		// Directives of an application
		"WSGIScriptAlias": unset, "WSGIScriptAliasMatch": unset, "WSGIImportScript": unset,
		"WSGIProcessGroup": {"%{GLOBAL}", ""}, "WSGIApplicationGroup": {"%{RESOURCE}"}, "WSGIRestrictProcess": {"any", ""},
		"WSGICallableObject": {"application"}, "WSGIPassAuthorization": off, "WSGIScriptReloading": on,
		"WSGIErrorOverride": off, "WSGIChunkedRequest": off, "WSGIMapHEADToGET": {"Auto"}, "WSGIIgnoreActivity": off,
		"WSGITrustedProxyHeaders": {"", "none"}, "WSGITrustedProxies": {"everyone"}, "WSGIEnableSendfile": off,
		"WSGIDispatchScript": unset, "WSGIHandlerScript": unset, "WSGIAccessScript": unset, "WSGIAuthUserScript": unset,
		"WSGIAuthGroupScript": unset, "WSGIGroupAuthoritative": on, "WSGIPassApacheRequest": off,
	}
}

// TestModWSGINames: what a key is called in mod_wsgi is a name that it has, and what it
// says about the default there is so. Names with capital letters that do not begin with
// WSGI are Apache's own, and those of later mod_wsgi would be added here first.
func TestModWSGINames(t *testing.T) {
	known := modWSGIDefaults()
	for _, k := range Keys() {
		for name := range strings.FieldsSeq(k.ModWSGI) {
			name = strings.Trim(name, ",")
			if !strings.HasPrefix(name, "WSGI") && strings.ToLower(name) != name {
				continue
			}
			defaults, found := known[name]
			switch {
			case !found:
				t.Errorf("%s in %s: mod_wsgi has nothing called %q", k.Name, k.Table, name)
			case name == k.ModWSGI && !slices.Contains(defaults, k.ModWSGIDefault):
				t.Errorf("%s in %s: mod_wsgi's default is %q, not %q", k.Name, k.Table, defaults[0], k.ModWSGIDefault)
			}
		}
		if k.ModWSGI == "" && k.ModWSGIDefault != "" {
			t.Errorf("%s in %s: a default of mod_wsgi without a name there", k.Name, k.Table)
		}
	}
}

// TestReferenceIsComplete: each key that is acted on says all that the man page needs.
func TestReferenceIsComplete(t *testing.T) {
	for _, k := range Keys() {
		where := k.Name + " in " + string(k.Table)
		if k.Meaning == "" {
			t.Errorf("%s: no Meaning", where)
		}
		if k.State != Supported {
			continue
		}
		if !strings.HasSuffix(k.Meaning, ".") {
			t.Errorf("%s: the Meaning is no sentence: %q", where, k.Meaning)
		}
		if (k.Type == TypeDuration || k.Type == TypeSize) && k.Unit == "" {
			t.Errorf("%s: no unit for a bare number", where)
		}
		if k.Type == TypeEnum && len(k.Values) == 0 {
			t.Errorf("%s: no values to choose from", where)
		}
		if k.takesZero() && !strings.Contains(k.Meaning, "0 means") && !plainZero(&k) {
			t.Errorf("%s: the Meaning does not say what 0 means", where)
		}
		if k.Notes != "" && !strings.HasSuffix(k.Notes, ".") {
			t.Errorf("%s: the Notes do not end as a sentence does", where)
		}
	}
}

// takesZero reports whether 0 is a number that the key takes.
func (k *Key) takesZero() bool {
	number := k.Type == TypeInt || k.Type == TypeDuration || k.Type == TypeSize
	return number && (k.Min <= 0 || k.Zero != "")
}

// plainZero names the keys for which 0 is a number among others: a level, a seed.
func plainZero(k *Key) bool {
	return slices.Contains([]string{"cpu-priority", "python-optimize", "python-hash-seed"}, k.Name)
}
