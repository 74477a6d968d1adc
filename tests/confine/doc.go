// Package confine compares what programs were seen to open with what an AppArmor profile
// lets them, where no kernel enforces the profile.
//
// Invariants:
//
//   - A rule or a system call that this package does not understand is an error, or counts
//     as neither allowed nor harmless.
//   - Only calls that succeeded count: AppArmor is asked after the file has been found
//     (apparmor.d(5)).
//
// What it does not know: owner rules are taken to be about files of the process's user, and
// signals, ptrace, D-Bus messages, capabilities and the peers of sockets are left out.
package confine
