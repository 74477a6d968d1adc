package units

import "github.com/wsgid/wsgid/units/unitfile"

// groupSandbox is what Python applications can live with. Where an application
// may write is decided by the permissions of its user, as everywhere, but for the
// system's own directories. Left out on purpose:
//
//   - MemoryDenyWriteExecute: compilers at run time (numba, PyPy, cffi) need such
//     memory.
//   - ProtectSystem=strict, ProtectHome: uploads and databases are in /srv, /var
//     and /home, often beside the application.
//   - ~@resources: os.nice() and os.sched_setaffinity().
//   - ~@chown, which is in @privileged: a file may go to another group of its owner.
//   - ProcSubset=pid: psutil reads /proc/meminfo.
//   - RemoveIPC: the user may have other programs.
//   - AF_NETLINK is allowed: socket.if_nameindex() and gRPC ask for interfaces.
func groupSandbox() []unitfile.Line {
	return append(userSandbox(), []unitfile.Line{
		{Key: "CapabilityBoundingSet", Value: ""},
		{Key: "AmbientCapabilities", Value: ""},
		{Key: "PrivateDevices", Value: "yes"},
		{Key: "PrivateMounts", Value: "yes"},
		{Key: "PrivateTmp", Value: "yes"},
		{Key: "ProtectClock", Value: "yes"},
		{Key: "ProtectControlGroups", Value: "yes"},
		{Key: "ProtectHostname", Value: "yes"},
		{Key: "ProtectKernelLogs", Value: "yes"},
		{Key: "ProtectKernelModules", Value: "yes"},
		{Key: "ProtectKernelTunables", Value: "yes"},
		{Key: "ProtectProc", Value: "invisible"},
		{Key: "ProtectSystem", Value: "full"},
	}...)
}

// userSandbox is the part that a user's own systemd can set up without privilege:
// filters of system calls (seccomp(2)).
func userSandbox() []unitfile.Line {
	return []unitfile.Line{
		{Key: "NoNewPrivileges", Value: "yes"},
		{Key: "LockPersonality", Value: "yes"},
		{Key: "RestrictAddressFamilies", Value: "AF_UNIX AF_INET AF_INET6 AF_NETLINK"},
		{Key: "RestrictNamespaces", Value: "yes"},
		{Key: "RestrictRealtime", Value: "yes"},
		{Key: "RestrictSUIDSGID", Value: "yes"},
		{Key: "SystemCallArchitectures", Value: "native"},
		{Key: "SystemCallFilter", Value: "@system-service"},
		{Key: "SystemCallFilter", Value: "~@privileged"},
		{Key: "SystemCallFilter", Value: "@chown"},
		{Key: "SystemCallErrorNumber", Value: "EPERM"},
	}
}
