package site

// The keys of this file are applied by systemd, or by the leader on the
// processes that it starts.

func siteTableKeys() []Key {
	return []Key{
		{
			Name: "systemd", Type: TypeUnit,
			Meaning: "Further directives for the [Service] section of the supervisor's unit; a % in a value is a specifier of systemd.unit(5), %% is a percent sign.",
		},
	}
}

func socketKeys() []Key {
	return []Key{
		{
			Name: "socket-user", Type: TypeUser, check: checkAccount, ModWSGI: "socket-user", ModWSGIDefault: "Apache User",
			Meaning: "Owner of the site's UNIX sockets; without it " + FrontEndUser + ".",
		},
		{
			Name: "socket-group", Type: TypeUser, check: checkAccount,
			Meaning: "Group of the site's UNIX sockets; without it that of the owner.",
		},
		{
			Name: "socket-mode", Type: TypeOctal, Max: 0o777, Default: "0660",
			Meaning: "Mode of the site's UNIX sockets; who may write to one may connect.",
		},
		{
			Name: "listen-backlog", Type: TypeInt, Unit: "connections", Min: 1, Max: 65535, Default: int64(4096), ModWSGI: "listen-backlog", ModWSGIDefault: "100",
			Meaning: "Connections that the kernel holds for each of the site's sockets until they are accepted, net.core.somaxconn at most; for waiting requests see queue-limit.",
			Notes: "mod_wsgi-express has 500. A client beyond the backlog is not turned away but tries again after a second and more, without anything in a log; " +
				"so the kernel's own limit is the better one.",
		},
		{
			Name: "send-buffer-size", Type: TypeSize, Min: 512, Max: 1 << 30, Zero: "the system's own", Default: int64(0), ModWSGI: "send-buffer-size", ModWSGIDefault: "0",
			Meaning: "Kernel send buffer of the site's TCP connections; 0 means the system's own.",
		},
		{
			Name: "receive-buffer-size", Type: TypeSize, Min: 512, Max: 1 << 30, Zero: "the system's own", Default: int64(0), ModWSGI: "receive-buffer-size", ModWSGIDefault: "0",
			Meaning: "Kernel receive buffer of the site's TCP connections; 0 means the system's own.",
		},
		{
			Name: "socket-prefix", Type: TypePath, check: checkPrefix, ModWSGI: "WSGISocketPrefix",
			Meaning: "Beginning of the paths of the daemon groups' sockets, which systemd makes, with their directory, for the supervisor alone: a directory with a slash at its end, or one and the beginning of a name, after which comes a dot; without it /run/wsgi/.",
		},
		{
			Name: "socket-rotation", Type: TypeBool, Default: true, ModWSGI: "WSGISocketRotation", ModWSGIDefault: "On",
			Meaning: "Names each generation's socket in /run/wsgi/SITE as GROUP.GENERATION.sock, which goes with the end of that generation; false means GROUP.sock for all generations, which a reload has lead to the new one.",
			Notes: "The names are links for people who look which generation uses which socket; only the supervisor may connect. " +
				"With mod_wsgi the switch decides which requests a restart loses: either those that come to a path that has gone, or those that come to a new process with the secret of the old one. " +
				"Here nobody makes or removes a socket at a reload. Each group has two, which systemd holds open for as long as their unit is active, and generations take turns at them. " +
				"Requests have no secret to know, and wait in the supervisor. So no request fails with either value, and there is nothing to cure.",
		},
		{
			Name: "idle-timeout", Type: TypeDuration, Min: 1e9, Zero: "never", Default: "0s",
			Meaning: "Time without an open connection after which the site's processes end until the next connection; 0 means never.",
		},
	}
}

func groupUserKeys() []Key {
	return []Key{
		{
			Name: "user", Type: TypeUser, check: checkProcessUser, ModWSGI: "user", ModWSGIDefault: "Apache User",
			Meaning: "User of the group's processes; without it " + DefaultUser + ".",
		},
		{
			Name: "group", Type: TypeUser, ModWSGI: "group", ModWSGIDefault: "Apache Group",
			Meaning: "Primary group of the group's processes; without it that of the user.",
		},
		{
			Name: "supplementary-groups", Type: TypeStrings, check: checkFurtherGroup, ModWSGI: "supplementary-groups",
			Meaning: "Further groups of the group's processes, beside those of the user.",
		},
		{
			Name: "chroot", Type: TypePath, ModWSGI: "chroot",
			Meaning: "Root directory of the group's processes; the group's other paths, but not env-file, are seen from inside it.",
		},
		{
			Name: "cpu-priority", Type: TypeInt, Unit: "nice level", Min: -20, Max: 19, Default: int64(0), ModWSGI: "cpu-priority", ModWSGIDefault: "0",
			Meaning: "Nice level of the group's processes.",
		},
	}
}

// groupLimitKeys hold each process. The bounds leave room for the interpreter,
// which does not start with less, and for the sum over all processes.
func groupLimitKeys() []Key {
	return []Key{
		{
			Name: "memory-limit", Type: TypeSize, Min: interpreterData, Max: 1 << 50, Zero: "no limit", Default: int64(0), ModWSGI: "memory-limit", ModWSGIDefault: "0",
			Meaning: "Data of one process, the stacks of its threads among them (RLIMIT_DATA); 0 means no limit.",
			Notes: "Python raises MemoryError in what asks for more. " +
				"For the memory of all processes of a group together, page cache included, write MemoryMax= or MemoryHigh= in [group.NAME.systemd]; " +
				"what the kernel then ends is named in the log.",
		},
		{
			Name: "virtual-memory-limit", Type: TypeSize, Min: interpreterSpace, Max: 1 << 50, Zero: "no limit", Default: int64(0), ModWSGI: "virtual-memory-limit", ModWSGIDefault: "0",
			Meaning: "Address space of one process (RLIMIT_AS); 0 means no limit.",
		},
		{
			Name: "cpu-time-limit", Type: TypeDuration, Min: 1e9, Zero: "no limit", Default: "0s", ModWSGI: "cpu-time-limit", ModWSGIDefault: "0",
			Meaning: "Processor time, in whole seconds, after which a process is replaced (RLIMIT_CPU); 0 means no limit.",
		},
	}
}

// groupLifeKeys bound how long processes live without being of use. Below a
// second they would be started as fast as they end.
func groupLifeKeys() []Key {
	return []Key{
		{
			Name: "rotate", Type: TypeEnum, Values: []string{RotateAll, RotateRolling}, Default: RotateAll,
			Meaning: "How a reload changes generations: all processes at once beside the old ones, or one after the other, for machines without memory for both; units and the group's own keys stay as they are then.",
		},
		{
			Name: "maximum-requests", Type: TypeInt, Unit: "requests", Max: 1 << 31, ModWSGI: "maximum-requests", ModWSGIDefault: "0",
			Meaning: "Requests after which a process is replaced, give or take a tenth; 0 means no limit.",
		},
		{
			Name: "restart-interval", Type: TypeDuration, Min: 1e9, Zero: "never", Default: "0s", ModWSGI: "restart-interval", ModWSGIDefault: "0",
			Meaning: "Age at which a process is replaced, give or take a tenth; 0 means never.",
		},
		{
			Name: "maximum-memory", Type: TypeSize, Min: interpreterData, Max: 1 << 50, Zero: "no limit", Default: int64(0),
			Meaning: "Resident memory (RSS) of a process above which it is replaced; 0 means no limit.",
			Notes: "Each process is weighed once a second. " +
				"Nothing is taken from a process that is too heavy, and none of its requests is cut off: it goes when another one is ready in its place, and one process of a group goes at a time. " +
				"The log and the status have the figures. A process that is too heavy before its first request is left alone, because a new one would be, too. " +
				"For a limit that holds at once see memory-limit.",
		},
		{
			Name: "eviction-timeout", Type: TypeDuration, Default: "0s", ModWSGI: "eviction-timeout", ModWSGIDefault: "0",
			Meaning: "graceful-timeout for processes whose leader is told to end from outside; 0 means graceful-timeout.",
		},
		{
			Name: "inactivity-timeout", Type: TypeDuration, Min: 1e9, Zero: "never", Default: "0s", ModWSGI: "inactivity-timeout", ModWSGIDefault: "0",
			Meaning: "Time without a request after which the group's processes end until the next request; 0 means never.",
		},
		{
			Name: "deadlock-timeout", Type: TypeDuration, Min: 1e9, Zero: "never", Default: "60s", ModWSGI: "deadlock-timeout", ModWSGIDefault: "300",
			Meaning: "Time after which a process whose interpreter does not answer is replaced; 0 means never.",
		},
		{
			Name: "orphan-timeout", Type: TypeDuration, Default: "60s",
			Meaning: "Time that the group's processes stay warm when the site's supervisor has gone; 0 means that they end with it.",
		},
	}
}

func groupUnitKeys() []Key {
	return []Key{
		{
			Name: "systemd", Type: TypeUnit,
			Meaning: "Further directives for the [Service] section of the group's unit; a % in a value is a specifier of systemd.unit(5), %% is a percent sign.",
		},
	}
}
