package site

// The keys of this file are named after options and directives of mod_wsgi for which
// there is nothing to do here. They are refused, and Meaning says why: whoever moves a
// site is to know that nothing was forgotten.

func topNeedlessKeys() []Key {
	return []Key{
		needless("accept-mutex", "WSGIAcceptMutex", "", "processes do not accept connections, so they need no mutex"),
		needless("restrict-embedded", "WSGIRestrictEmbedded", "Off", "applications always run in daemon groups"),
		needless("destroy-interpreter", "WSGIDestroyInterpreter", "On",
			"the interpreter of a process is always ended in order; one that does not come to its end has shutdown-timeout"),
		needless("per-interpreter-gil", "WSGIPerInterpreterGIL", "Off", "each process has one interpreter, and so a lock of its own; set processes"),
		needless("interpreter-options", "WSGIInterpreterOptions", "", "each process has one interpreter; set python, or another group's"),
		needless("telemetry-service", "WSGITelemetryService", "", "figures are not pushed: wsgid status and the site's D-Bus object give them"),
		needless("telemetry-options", "WSGITelemetryOptions", "", "figures are not pushed: wsgid status and the site's D-Bus object give them"),
		needless("free-threading", "WSGIFreeThreading", "Off", "python names the interpreter, which may be a free-threaded one"),
		needless("case-sensitivity", "WSGICaseSensitivity", "On", "file names are compared as Linux does"),
		needless("verbose-debugging", "WSGIVerboseDebugging", "Off", "it does nothing in mod_wsgi, either"),
		needless("pass-apache-request", "WSGIPassApacheRequest", "Off", "there is no Apache whose request could be passed"),
	}
}

func groupNeedlessKeys() []Key {
	return []Key{
		needless("listen-backlog", "listen-backlog", "100",
			"no connections wait for a group: queue-limit is for its requests, and listen-backlog at the top level for the site's connections"),
		needless("socket-user", "socket-user", "Apache User",
			"systemd makes the sockets of a group, for the supervisor alone; socket-user at the top level is for the site's own sockets"),
		needless("send-buffer-size", "send-buffer-size", "0",
			"a request and its response are carried at the same time, so no buffer has to hold one whole; send-buffer-size at the top level is for clients' connections"),
		needless("receive-buffer-size", "receive-buffer-size", "0",
			"a request and its response are carried at the same time, so no buffer has to hold one whole; receive-buffer-size at the top level is for clients' connections"),
	}
}

// needless is a row of these tables. Any value is as wrong as another.
func needless(name, modWSGI, modWSGIDefault, why string) Key {
	return Key{Name: name, Type: TypeString, ModWSGI: modWSGI, ModWSGIDefault: modWSGIDefault, State: Needless, Meaning: why}
}

func mountNeedlessKeys() []Key {
	return []Key{
		needless("script-alias-match", "WSGIScriptAliasMatch", "", "a mount is a path and all that is below it: write a [[mount]] for each"),
	}
}
