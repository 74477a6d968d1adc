package site

import "slices"

func groupKeys() []Key {
	return slices.Concat(groupUserKeys(), groupProcessKeys(), groupServiceKeys(), groupPythonKeys(), groupTimeKeys(), groupResponseKeys(), groupLifeKeys(), groupLimitKeys(), groupUnitKeys(), groupOwnerKeys(), groupNeedlessKeys())
}

func groupProcessKeys() []Key {
	return []Key{
		{
			Name: "processes", Type: TypeInt, Min: 1, Max: 1024, Default: int64(1), ModWSGI: "processes", ModWSGIDefault: "1",
			Meaning: "Number of processes. When it is written, wsgi.multiprocess is true, even for 1.",
			Notes: "mod_wsgi knows the difference between processes=1 and no processes= at all: applications, debuggers among them, " +
				"take wsgi.multiprocess to mean that another process may have the next request. " +
				"Leave the key out for one process that is and stays the only one; during a reload, two generations may still overlap.",
		},
		{
			Name: "threads", Type: TypeInt, Min: 1, Max: 1000, Zero: "a service script", Default: int64(5), ModWSGI: "threads", ModWSGIDefault: "15",
			Meaning: "Request threads in each process; 0 means a service script: one process that serves no requests but runs script or module, in a unit of its own that starts, restarts and stops with the site.",
		},
		{
			Name: "python", Type: TypePath,
			Meaning: "Python interpreter; without it that of python-home, else python3 from PATH.",
		},
		{
			Name: "python-home", Type: TypePath, ModWSGI: "python-home", ModWSGIDefault: "WSGIPythonHome",
			Meaning: "Virtual environment whose bin/python runs the application.",
		},
		{
			Name: "python-path", Type: TypePathList, ModWSGI: "python-path",
			Meaning: "Directories that go to the front of sys.path, .pth files in them honoured.",
		},
		{
			Name: "home", Type: TypePath, ModWSGI: "home",
			Meaning: "Working directory of the processes, and the first entry of sys.path.",
		},
		{Name: "lang", Type: TypeString, check: checkLocale, ModWSGI: "lang", Meaning: "Environment variable LANG of the processes."},
		{
			Name: "locale", Type: TypeString, check: checkLocale, ModWSGI: "locale",
			Meaning: "Environment variable LC_ALL of the processes, which must exist on the machine.",
			Notes:   "mod_wsgi-express has en_US.UTF-8. Without the key an environment that says nothing else is C.UTF-8, which every machine has, and in which Python reads and writes UTF-8 as well.",
		},
		{Name: "display-name", Type: TypeString, ModWSGI: "display-name", Meaning: "Process title; %{GROUP} in it stands for the group."},
		{Name: "umask", Type: TypeOctal, Max: 0o777, ModWSGI: "umask", Meaning: "File mode creation mask of the processes."},
		{
			Name: "switch-interval", Type: TypeDuration, Min: 1000, Max: 60e9, ModWSGI: "switch-interval", ModWSGIDefault: "0.005",
			Meaning: "Time between the interpreter's thread switches.",
		},
		{
			Name: "stack-size", Type: TypeSize, Min: 32 << 10, Max: 1 << 30, ModWSGI: "stack-size",
			Meaning: "Stack of a request thread.",
		},
		{Name: "env", Type: TypeEnv, ModWSGI: "SetEnv", Meaning: "Environment variables of the processes; they win over those of env-file, and over Environment= in drop-ins of the group's unit."},
		{Name: "env-file", Type: TypePaths, Meaning: "Files with further environment variables, NAME=value per line; env wins over them."},
	}
}

func groupTimeKeys() []Key {
	return []Key{
		{
			Name: "startup-timeout", Type: TypeDuration, Default: "15s", ModWSGI: "startup-timeout", ModWSGIDefault: "0",
			Meaning: "Time a process has to import the application; 0 means no limit.",
		},
		{
			Name: "request-timeout", Type: TypeDuration, Default: "60s", ModWSGI: "request-timeout", ModWSGIDefault: "0",
			Meaning: "Time a request may take in the application before it is answered 504 and its process replaced; 0 means no limit.",
			Notes: "The time begins when a thread takes the request, whatever its process has done before, and is the same for one thread and for twenty. " +
				"The answer comes on time even while Python code does not let go of the interpreter, since the front end keeps the time. " +
				"Where the stuck thread stands is in the log. " +
				"mod_wsgi stretches its own limit with the number of threads, and does not enforce it where both deadlock-timeout and inactivity-timeout are off.",
		},
		{
			Name: "interrupt-timeout", Type: TypeDuration, Default: "0s", Zero: "no exception", ModWSGI: "interrupt-timeout", ModWSGIDefault: "0",
			Meaning: "Time that a late request has to end after mod_wsgi.RequestTimeout was raised in its thread, before its process is replaced; the client is answered 504 by request-timeout all the same; 0 means that nothing is raised and the process replaced at once.",
		},
		{
			Name: "queue-timeout", Type: TypeDuration, Default: "45s", ModWSGI: "queue-timeout", ModWSGIDefault: "0",
			Meaning: "Time a request may wait for a thread before it is answered 504; 0 means no limit.",
		},
		{
			Name: "shutdown-timeout", Type: TypeDuration, Default: "5s", ModWSGI: "shutdown-timeout", ModWSGIDefault: "5",
			Meaning: "Time between asking a process to end and killing it; 0 means that it is not killed.",
		},
		{
			Name: "graceful-timeout", Type: TypeDuration, Default: "15s", ModWSGI: "graceful-timeout", ModWSGIDefault: "15",
			Meaning: "Time that requests in flight have when their process is replaced; 0 means no wait.",
			Notes: "It holds for a reload, too: the old generation gets no new requests and finishes what it has. " +
				"Apache gives mod_wsgi three seconds in that case, whatever its graceful-timeout says. " +
				"A request that is not finished by then is answered 503, or its answer is cut so that the client can see it, and each has a line in the log. " +
				"Uploads that are still arriving and downloads that the application has finished are the front end's, and go on over a reload. " +
				"A generation keeps the value that it was started with. When the site stops, each group has its own time, and the longest one holds for what the front end has. " +
				"After an upgrade of wsgid the supervisor of the old program finishes its requests however long they take; the time counts only from the next reload on, or from the site's end.",
		},
		{
			Name: "connect-timeout", Type: TypeDuration, Default: "15s", ModWSGI: "connect-timeout", ModWSGIDefault: "15",
			Meaning: "Time that the leader of the group's processes has to answer when it is started, before requests are answered 503 and it is tried again; 0 means no limit.",
		},
		{
			Name: "socket-timeout", Type: TypeDuration, Default: "60s", ModWSGI: "socket-timeout", ModWSGIDefault: "60",
			Meaning: "Longest silence of a process inside a response that it has begun, before the client's connection is aborted; the process goes on; 0 means no limit.",
		},
		{
			Name: "queue-limit", Type: TypeInt, Unit: "requests", Max: 1 << 20, Default: int64(1024), ModWSGI: "listen-backlog", ModWSGIDefault: "100",
			Meaning: "Requests that may wait for a thread; the next is answered 503 at once; 0 means that none may wait.",
			Notes: "mod_wsgi-express has 100, for connections that wait in the kernel and keep a thread of Apache httpd each. " +
				"A request that waits here costs some kilobytes, and queue-timeout bounds its wait.",
		},
	}
}

// groupResponseKeys are about what comes back from the group's processes.
func groupResponseKeys() []Key {
	return []Key{
		{
			Name: "header-buffer-size", Type: TypeSize, Min: 8192, Max: 16 << 20, Default: int64(32768), ModWSGI: "header-buffer-size", ModWSGIDefault: "32768",
			Meaning: "Longest single response header line.",
		},
		{
			Name: "response-buffer-size", Type: TypeSize, Min: 65536, Max: 1 << 30, Default: int64(262144), ModWSGI: "response-buffer-size", ModWSGIDefault: "8388608",
			Meaning: "Bytes of a response held in memory for a client that reads slowly.",
			Notes:   "mod_wsgi, and so mod_wsgi-express, has 8M (8388608). What is beyond goes to a file here, see response-spool-limit, so that less memory frees the thread as soon.",
		},
		{
			Name: "response-socket-timeout", Type: TypeDuration, Default: "0s", ModWSGI: "response-socket-timeout", ModWSGIDefault: "0",
			Meaning: "send-timeout for responses of this group; 0 means that of the site.",
		},
		{
			Name: "response-flush-delay", Type: TypeDuration, Max: 1e9, Default: "0s", ModWSGI: "response-flush-delay", ModWSGIDefault: "5ms",
			Meaning: "Time that a piece of a response is held back so that more can go with it; 0 means that each is sent as soon as it is there, which nobody has to wait for: a response that is ready at once is one piece in any case.",
			Notes: "mod_wsgi, and so mod_wsgi-express, has 5ms, with which an application that yields many small blocks costs fewer writes. " +
				"A bare number there is milliseconds; here it is seconds, as everywhere, and more than one is refused. " +
				"PEP 3333 lets an application that yields a block expect that it goes out.",
		},
	}
}

func mountKeys() []Key {
	return append(slices.Concat(policyKeys(), mountNeedlessKeys(), dispatchKeys()), []Key{
		{Name: "path", Type: TypeString, check: checkURLPath, ModWSGI: "WSGIScriptAlias", Meaning: "URL path of the application."},
		{
			Name: "path-match", Type: TypeString, check: checkExpression, ModWSGI: "WSGIScriptAliasMatch",
			Meaning: "Regular expression (RE2) for URL paths, in place of path, and asked before every path, in file order; SCRIPT_NAME ends with the match, " +
				"and $1 in script is what its first group has matched: with \"/srv/sites/$1/app.py\" the script depends on the URL, in and below the directory before the first $.",
			Notes: "Of the scripts that depend on the URL those are loaded when a process starts that are there then and whose names the groups of the expression can make, 100 at most; the others, and all of a script with $0, when they are first asked for. " +
				"One that cannot be loaded then keeps the new generation from serving, as any script does.",
		},
		{Name: "script", Type: TypeString, ModWSGI: "WSGIScriptAlias", Meaning: "Absolute path of the file that has the application."},
		{
			Name: "script-directory", Type: TypePath, ModWSGI: "WSGIScriptAlias",
			Meaning: "Directory of scripts, whose names follow the path in the URL: with path = \"/apps\" the file blog.wsgi in it answers /apps/blog and what is below; " +
				"those that are there when a process starts are loaded then, others when they are first asked for, and none through a symbolic link that leads out of the directory.",
		},
		{
			Name: "script-suffix", Type: TypeString, check: checkSuffix,
			Meaning: "Ending of the file names in script-directory, which URLs leave out; \".wsgi\" when it is not written, empty when URLs have the whole name: then scripts are loaded when they are first asked for.",
		},
		{Name: "module", Type: TypeString, Meaning: "Module that has the application, \"package.module\" or \"package.module:callable\"."},
		{
			Name: "callable-object", Type: TypeString, check: checkCallable, ModWSGI: "WSGICallableObject", ModWSGIDefault: "application",
			Meaning: "Name of the application object; \"application\" when it is not written.",
		},
		{
			Name: "group", Type: TypeString, ModWSGI: "WSGIProcessGroup",
			Meaning: "Daemon group that runs the application; may be left out when there is one group.",
		},
		{Name: "script-reloading", Type: TypeBool, ModWSGI: "WSGIScriptReloading", ModWSGIDefault: "On", Meaning: "Starts a new generation of the group when the script file changes; a broken one changes nothing."},
		{
			Name: "application-group", Type: TypeString, check: checkApplicationGroup, ModWSGI: "WSGIApplicationGroup", ModWSGIDefault: "%{RESOURCE}",
			Meaning: "Applications of one group that share an interpreter: \"%{GLOBAL}\" or empty for those in the group's processes, another name for processes of their own; without it the group runs no other application.",
		},
	}...)
}
