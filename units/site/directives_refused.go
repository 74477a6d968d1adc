package site

import (
	"slices"
	"strings"
)

// refusal is a set of directives that are not passed on, because something that
// wsgid promises rests on them: that no request fails when processes change, that
// nobody but the front end reaches a group, that each death is told with its cause.
type refusal struct {
	// names are separated by blanks.
	names string
	// group and site are for the unit of a daemon group and that of the
	// supervisor; nil: passed on there.
	group, site *fault
}

func both(names, why, instead string) refusal {
	f := &fault{msg: why, hint: instead}
	return refusal{names: names, group: f, site: f}
}

// ownKey is for what the site file says in its own words for a daemon group.
func ownKey(names, key string, site *fault) refusal {
	return refusal{names: names, group: &fault{msg: "the site file has its own key for this", hint: "use " + key + " in TABLE"}, site: site}
}

// contract finds the refusal of a directive, nil when there is none.
func (u unitOf) contract(name string) *fault {
	if u.service && slices.Contains(strings.Fields(serviceMay), name) {
		return nil
	}
	for _, r := range slices.Concat(serviceRefusals(), userRefusals(), processRefusals(), limitRefusals()) {
		if !slices.Contains(strings.Fields(r.names), name) {
			continue
		}
		f := r.site
		if u.group != "" {
			f = r.group
		}
		if f == nil {
			return nil
		}
		return &fault{msg: f.msg, hint: u.in(f.hint)}
	}
	return nil
}

// serviceMay names directives that would break what a group promises, but not a
// service script, of which only systemd knows how it is.
const serviceMay = `Restart RestartMode RestartSec RestartSteps RestartMaxDelaySec RestartPreventExitStatus
	RestartForceExitStatus SuccessExitStatus RuntimeMaxSec RuntimeRandomizedExtraSec
	KillMode KillSignal RestartKillSignal FinalKillSignal SendSIGHUP OOMPolicy Delegate DelegateSubgroup
	RuntimeDirectory RuntimeDirectoryMode RuntimeDirectoryPreserve`

func serviceRefusals() []refusal {
	return []refusal{
		both("ExecCondition ExecStart ExecStartPre ExecStartPost ExecReload ExecStop ExecStopPost PermissionsStartOnly RootDirectoryStartOnly",
			"the commands of this unit are wsgid's own", "put a command of yours into a service of its own, ordered with Before= or After="),
		both("Type ExitType NotifyAccess RemainAfterExit GuessMainPID PIDFile BusName ReloadSignal",
			"wsgid itself tells systemd when it is ready, reloads and ends, in one agreed way", ""),
		{
			names: "Restart RestartMode RestartSec RestartSteps RestartMaxDelaySec RestartPreventExitStatus RestartForceExitStatus SuccessExitStatus",
			group: &fault{msg: "the supervisor starts a group again, after a pause that grows"},
			site:  &fault{msg: "a supervisor that failed is started again at once, and one that ended on its own by the next connection"},
		},
		both("TimeoutSec TimeoutStartSec TimeoutStopSec TimeoutAbortSec",
			"this is computed from the timeouts of the site file", "set startup-timeout, graceful-timeout and shutdown-timeout in TABLE"),
		{
			names: "RuntimeMaxSec RuntimeRandomizedExtraSec",
			group: &fault{msg: "it would end the processes with the requests they work on, while no others are ready"},
			site:  &fault{msg: "it would end the site's supervisor with all of its connections"},
		},
		{
			names: "WatchdogSec",
			group: &fault{msg: "this is computed from the site file", hint: "set deadlock-timeout in TABLE"},
			site:  &fault{msg: "the supervisor's signs of life are timed to the value that its unit has"},
		},
		both("KillMode KillSignal RestartKillSignal FinalKillSignal WatchdogSignal SendSIGKILL SendSIGHUP TimeoutStartFailureMode TimeoutStopFailureMode",
			"wsgid ends its processes in an order in which requests are finished first", "set graceful-timeout and shutdown-timeout in TABLE"),
		both("OOMPolicy", "one process that runs out of memory is replaced, and the others must live on", ""),
		both("Sockets NonBlocking OpenFile FileDescriptorStoreMax FileDescriptorStorePreserve USBFunctionDescriptors USBFunctionStrings",
			"wsgid expects exactly the descriptors of its own socket units", "for further addresses of the site set listen at the top level"),
		{
			names: "RuntimeDirectory RuntimeDirectoryMode RuntimeDirectoryPreserve",
			group: &fault{msg: "the directory would be removed when one generation ends while the next one uses it", hint: "use CacheDirectory or StateDirectory"},
			site:  &fault{msg: "the supervisor has a runtime directory, with its control socket in it, that is its alone"},
		},
		{
			names: "LogsDirectory LogsDirectoryMode",
			group: &fault{msg: "the directory of the site's logs would change hands", hint: "use StateDirectory, or ReadWritePaths for a directory that is there"},
			site:  &fault{msg: "the directory of the site's logs is set from the site file", hint: "set access-log at the top level"},
		},
		both("Slice", "every site and every group in it has a slice of its own", "put limits into that one: systemctl edit 'SLICE.slice'"),
		both("Delegate DelegateSubgroup", "wsgid counts on finding its processes in the unit's own control group, to tell why one has died", ""),
	}
}

func userRefusals() []refusal {
	otherUser := &fault{
		msg:  "the supervisor runs as " + FrontEndUser + ", the one user whom the groups let connect",
		hint: "set user and group of the application in TABLE",
	}
	return []refusal{
		ownKey("User", "user", otherUser),
		ownKey("Group", "group", otherUser),
		ownKey("SupplementaryGroups", "supplementary-groups", otherUser),
		both("DynamicUser", "sockets and files are given to a user who must stay the same", "set user in TABLE"),
		both("PrivateUsers", "wsgid asks the kernel which user is at the other end of a socket, and could no longer tell", ""),
		both("PrivatePIDs", "process numbers in logs and between supervisor and leader would mean nothing outside of the unit", ""),
		both("PAMName", "a session of PAM takes the processes out of their unit", ""),
	}
}

func processRefusals() []refusal {
	noApplication := &fault{msg: "the supervisor runs no application, and needs the system as it is", hint: "set home and chroot in TABLE"}
	environment := &fault{msg: "the supervisor's environment does not reach applications, and wsgid takes no settings from it", hint: "set env and env-file in TABLE"}
	return []refusal{
		ownKey("WorkingDirectory", "home", noApplication),
		ownKey("RootDirectory RootImage RootImageOptions RootImagePolicy RootEphemeral RootHash RootHashSignature RootVerity", "chroot", noApplication),
		ownKey("UMask", "umask", nil),
		ownKey("Nice", "cpu-priority", nil),
		ownKey("Environment PassEnvironment UnsetEnvironment", "env", environment),
		ownKey("EnvironmentFile", "env-file", environment),
		both("StandardInput StandardInputText StandardInputData", "standard input is empty in every process of wsgid", ""),
		both("StandardOutput StandardError SyslogLevelPrefix", "output goes to the journal, line by line with its level", "read it with: journalctl -u 'UNIT*'"),
		both("TTYPath TTYReset TTYVHangup TTYRows TTYColumns TTYVTDisallocate UtmpIdentifier UtmpMode", "no process of wsgid has a terminal", ""),
	}
}

// limitRefusals are those of setrlimit(2) that hold for each process alone. On
// the unit they would hold for the leader and the supervisor too, which then
// fall over the application's limit.
func limitRefusals() []refusal {
	site := &fault{msg: "the supervisor would fail under it at any moment", hint: "MemoryMax and CPUQuota hold the unit as a whole"}
	group := func(key string) *fault {
		return &fault{msg: "on the unit it would hold for the leader too", hint: "use " + key + " in TABLE, which is for the processes alone"}
	}
	return []refusal{
		{names: "LimitAS", group: group("virtual-memory-limit"), site: site},
		{names: "LimitDATA", group: group("memory-limit"), site: site},
		{names: "LimitCPU", group: group("cpu-time-limit"), site: site},
		{names: "LimitSTACK", group: group("stack-size"), site: site},
	}
}

// otherSection recognises a directive that belongs to another section or unit.
func (u unitOf) otherSection(name string) *fault {
	has := func(names string) bool { return slices.Contains(strings.Fields(names), name) }
	switch {
	case has(unitSection), strings.HasPrefix(name, "Condition"), strings.HasPrefix(name, "Assert"):
		return &fault{msg: "is a directive of [Unit], and this table is for [Service]", hint: u.in("use systemctl edit 'UNIT.service'")}
	case has(installSection):
		return &fault{msg: "is a directive of [Install], and this table is for [Service]", hint: u.in(u.installHint())}
	case !has(socketSection):
		return nil
	}
	f := &fault{msg: "is a directive of [Socket], and this table is for [Service]", hint: u.in("use systemctl edit 'UNIT.socket'")}
	if key := socketKeyFor(name); key != "" && u.group == "" {
		f.hint = "use " + key + " at the top level"
	}
	return f
}

func (u unitOf) installHint() string {
	if u.group != "" {
		return "a group is not enabled; it starts with its site"
	}
	return "use systemctl edit 'UNIT.service'"
}

// socketKeyFor gives the key that a directive of [Socket] is made from, "" when
// there is none.
func socketKeyFor(directive string) string {
	return map[string]string{
		"ListenStream": "listen", "SocketUser": "socket-user", "SocketGroup": "socket-group", "SocketMode": "socket-mode",
		"Backlog": "listen-backlog", "SendBuffer": "send-buffer-size", "ReceiveBuffer": "receive-buffer-size",
	}[directive]
}
