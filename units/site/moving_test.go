package site

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// moved is an option or a directive of mod_wsgi, and what became of it.
type moved struct {
	name string // in mod_wsgi
	key  string // here; "" for the same
	// proof is the test that shows its effect: a file, a blank and a function. ""
	// leaves that to any test outside of this package that writes the key.
	proof string
}

// daemonOptions are all of WSGIDaemonProcess, mod_wsgi 6.0: keys of [group.NAME].
func daemonOptions() []moved {
	const (
		users    = "tests/boot/users_test.go testUserFiles"
		limits   = "tests/boot/limits_test.go testProcessLimits"
		serve    = "tests/serve/settings_test.go TestGroupSettings"
		options  = "tests/boot/daemonoptions_test.go "
		timeouts = "tests/serve/grouptimeouts_test.go "
		buffers  = "tests/serve/buffersizes_test.go "
	)
	return []moved{
		{name: "processes", proof: "supervisor/leader/settings_test.go TestMultiprocess"},
		{name: "threads", proof: "tests/boot/servicescript_test.go testServiceScriptLife"}, // 0; others everywhere
		{name: "user", proof: options + "testNumbers"},
		{name: "group", proof: options + "testNumbers"},
		{name: "supplementary-groups", proof: users},
		{name: "umask", proof: users},
		{name: "home", proof: users},
		{name: "chroot", proof: "tests/boot/surroundings_test.go testChroot"},
		{name: "lang", proof: options + "testNames"},
		{name: "locale", proof: options + "testNames"},
		{name: "display-name", proof: options + "testNames"},
		{name: "python-home", proof: "tests/boot/slots_test.go testCannotStart"},
		{name: "python-path", proof: "tests/serve/mount_test.go TestModuleMount"},
		{name: "python-eggs", proof: options + "testNames"},
		{name: "switch-interval", proof: serve},
		{name: "stack-size", proof: limits},
		{name: "maximum-requests", proof: "tests/boot/recycle_test.go testRecycleRequests"},
		{name: "restart-interval", proof: "supervisor/internal/group/recycle_test.go TestRestartInterval"},
		{name: "inactivity-timeout", proof: "tests/boot/idle_test.go testInactiveGroup"},
		{name: "request-timeout", proof: options + "testStuck"},
		{name: "interrupt-timeout", proof: "tests/serve/interrupt_test.go TestInterruptTimeout"},
		{name: "deadlock-timeout", proof: options + "testStuck"},
		{name: "startup-timeout", proof: "tests/serve/import_test.go TestStartupTimeout"},
		{name: "graceful-timeout", proof: "tests/boot/drain_test.go testDrainAtReload"},
		{name: "eviction-timeout", proof: "tests/boot/drain_test.go testEviction"},
		{name: "shutdown-timeout", proof: "tests/boot/drain_test.go testDrainAtStop"},
		{name: "connect-timeout", proof: "supervisor/internal/group/launch_test.go TestConnectTimeout"},
		{name: "socket-timeout", proof: timeouts + "TestSocketTimeout"},
		{name: "queue-timeout", proof: "tests/serve/dispatch_test.go TestQueueTimeout"},
		{name: "listen-backlog"},
		{name: "listen-backlog", key: "queue-limit", proof: "tests/serve/dispatch_test.go TestQueueLimit"},
		{name: "socket-user"},
		{name: "send-buffer-size"},
		{name: "receive-buffer-size"},
		{name: "header-buffer-size", proof: buffers + "TestHeaderBufferSize"},
		{name: "response-buffer-size", proof: buffers + "TestResponseBufferSize"},
		{name: "response-socket-timeout", proof: timeouts + "TestResponseSocketTimeout"},
		{name: "response-flush-delay", proof: timeouts + "TestResponseFlushDelay"},
		{name: "script-user", proof: "tests/serve/owner_test.go TestScriptOwner"},
		{name: "script-group", proof: "supervisor/leader/owner_test.go TestOwnerAtTheStart"},
		{name: "cpu-time-limit", proof: "tests/boot/limits_test.go testCPUTime"},
		{name: "cpu-priority", proof: limits},
		{name: "memory-limit", proof: limits},
		{name: "virtual-memory-limit", proof: limits},
	}
}

// directives are those of mod_wsgi, by the table that the key is in. Some of the
// server's are options of a daemon process, too, and keys of a group here.
func directives() map[Table][]moved {
	const python, conformance = "supervisor/leader/python_test.go ", "tests/conformance/"
	access := conformance + "access_test.go testAccess"
	return map[Table][]moved{
		tableTop: {
			{name: "WSGIDaemonProcess", key: "group", proof: "tests/serve/mount_test.go TestMounts"},
			{name: "WSGISocketPrefix", key: "socket-prefix"},
			{name: "WSGISocketRotation", key: "socket-rotation"},
			{name: "WSGIAcceptMutex", key: "accept-mutex"},
			{name: "WSGIPythonOptimize", key: "python-optimize", proof: python + "TestPythonFlags"},
			{name: "WSGIDontWriteBytecode", key: "dont-write-bytecode", proof: python + "TestPythonFlags"},
			{name: "WSGIPythonWarnings", key: "python-warnings", proof: python + "TestPythonFlags"},
			{name: "WSGIPythonHashSeed", key: "python-hash-seed", proof: python + "TestHashSeedRandom"},
			{name: "WSGIDestroyInterpreter", key: "destroy-interpreter"},
			{name: "WSGIPerInterpreterGIL", key: "per-interpreter-gil"},
			{name: "WSGIFreeThreading", key: "free-threading"},
			{name: "WSGIInterpreterOptions", key: "interpreter-options"},
			{name: "WSGIRestrictEmbedded", key: "restrict-embedded"},
			{name: "WSGICaseSensitivity", key: "case-sensitivity"},
			{name: "server-metrics", proof: "tests/serve/modwsgi_test.go TestServerMetrics"}, // and WSGIServerMetrics
			{name: "WSGITelemetryService", key: "telemetry-service"},
			{name: "WSGITelemetryOptions", key: "telemetry-options"},
			{name: "WSGISlowRequests", key: "slow-requests"},
			{name: "WSGIVerboseDebugging", key: "verbose-debugging"},
			{name: "WSGIRestrictProcess", key: "restrict-process", proof: "tests/serve/dispatchscript_test.go TestDispatchScript"},
			{name: "WSGIHandlerScript", key: "handler", proof: "tests/serve/handler_test.go TestHandler"},
			{name: "WSGIPassApacheRequest", key: "pass-apache-request"},
		},
		tableGroup: {
			{name: "WSGIRestrictStdin", key: "restrict-stdin"},
			{name: "WSGIRestrictStdout", key: "restrict-stdout"},
			{name: "WSGIRestrictSignal", key: "restrict-signal"},
			{name: "WSGIImportScript", key: "import-script", proof: python + "TestImportScript"},
		},
		tableMount: {
			{name: "WSGIScriptAlias", key: "script", proof: "tests/serve/mount_test.go TestMounts"},
			{name: "WSGIScriptAliasMatch", key: "script-alias-match"},
			{name: "WSGIProcessGroup", key: "group", proof: "tests/serve/mount_test.go TestMounts"},
			{name: "WSGIApplicationGroup", key: "application-group"},
			{name: "WSGICallableObject", key: "callable-object"},
			{name: "WSGIDispatchScript", key: "dispatch-script", proof: "tests/serve/dispatchscript_test.go TestDispatchScript"},
			{name: "WSGIScriptReloading", key: "script-reloading", proof: "tests/serve/scriptreloading_test.go TestScriptReloading"},
			{name: "WSGIEnableSendfile", key: "enable-sendfile"},
			{name: "WSGIIgnoreActivity", key: "ignore-activity"},
			{name: "WSGIErrorOverride", key: "error-override", proof: "supervisor/internal/front/errorpage_test.go TestErrorPages"},
			{name: "WSGIPassAuthorization", key: "pass-authorization"},
			{name: "WSGIChunkedRequest", key: "chunked-request"},
			{name: "WSGIMapHEADToGET", key: "map-head-to-get", proof: conformance + "method_test.go testMethod"},
			{name: "WSGITrustedProxies", key: "trusted-proxies", proof: conformance + "proxyheaders_test.go testProxyHeaders"},
			{name: "WSGITrustedProxyHeaders", key: "trusted-proxy-headers", proof: conformance + "proxyheaders_test.go testProxyHeaders"},
			{name: "WSGIAccessScript", key: "access-script", proof: access},
			{name: "WSGIAuthUserScript", key: "auth-user-script", proof: access},
			{name: "WSGIAuthGroupScript", key: "auth-group-script", proof: access},
			{name: "WSGIGroupAuthoritative", key: "group-authoritative", proof: "supervisor/internal/pyworker/tests/test_access.py test_table"},
		},
	}
}

// serverTwins are directives for the whole server that say what an option of
// WSGIDaemonProcess says, which comes to the same here: every process is of a group.
func serverTwins() map[string]string {
	return map[string]string{
		"WSGIPythonHome": "python-home", "WSGIPythonPath": "python-path", "WSGIPythonEggs": "python-eggs",
		"WSGISwitchInterval": "switch-interval", "WSGIServerMetrics": "server-metrics",
	}
}

// TestNothingIsLeftOut: the lists have every name of mod_wsgi.
func TestNothingIsLeftOut(t *testing.T) {
	listed := map[string]bool{}
	for _, list := range directives() {
		for _, m := range list {
			listed[m.name] = true
		}
	}
	for _, m := range daemonOptions() {
		listed[m.name] = true
	}
	for directive, option := range serverTwins() {
		listed[directive] = listed[option]
	}
	for name := range modWSGIDefaults() {
		if !listed[name] {
			t.Errorf("%s is in none of the lists", name)
		}
	}
}

// TestNothingIsLost: for every option and directive of mod_wsgi there is a key, and for
// every key that works a test of what it does.
func TestNothingIsLost(t *testing.T) {
	tests := testSources(t)
	all := directives()
	all[tableGroup] = append(daemonOptions(), all[tableGroup]...)
	for table, list := range all {
		keys := keysOf(table)
		for _, m := range list {
			if m.key == "" {
				m.key = m.name
			}
			k := lookup(keys, m.key)
			switch {
			case k == nil:
				t.Errorf("%s: there is no key %s in %s", m.name, m.key, table)
			case !slices.Contains(strings.FieldsFunc(k.ModWSGI, func(r rune) bool { return r == ' ' || r == ',' }), m.name):
				t.Errorf("%s: %s in %s says that it is mod_wsgi's %q", m.name, m.key, table, k.ModWSGI)
			case k.State == Needless && (m.proof != "" || k.Meaning == ""):
				t.Errorf("%s: %s in %s is needless, and is proved, or does not say why", m.name, m.key, table)
			case k.State == Supported:
				m.proved(t, tests)
			}
		}
	}
}

// proved fails the test if there is no test of what the key does.
func (m moved) proved(t *testing.T, tests map[string]string) {
	t.Helper()
	if m.proof != "" {
		file, function, _ := strings.Cut(m.proof, " ")
		if !strings.Contains(tests[file], "func "+function+"(") && !strings.Contains(tests[file], "def "+function+"(") {
			t.Errorf("%s: there is no %s in %s", m.name, function, file)
		}
		return
	}
	writes := regexp.MustCompile(`(?m)(^|\\n|[\s"` + "`" + `{.])` + regexp.QuoteMeta(m.key) + ` = `)
	for file, text := range tests {
		if !strings.HasPrefix(file, "units/site/") && writes.MatchString(text) {
			return
		}
	}
	t.Errorf("%s: no test writes %s: which one shows what it does?", m.name, m.key)
}

// testSources are the tests of the module, by their paths in it.
func testSources(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	sources := map[string]string{}
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		name := filepath.Base(path)
		python := strings.HasPrefix(name, "test_") && strings.HasSuffix(name, ".py")
		if err != nil || !python && !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		sources[strings.TrimPrefix(filepath.ToSlash(path), "../../")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}
