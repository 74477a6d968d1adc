// Package boot boots real Debian systems with systemd for tests, installs wsgid in
// them with `make install`, and drives them as an administrator does.
//
// Invariants:
//
//   - What a test leaves of a machine is nothing: no process, no mount, no cgroup, however the
//     test ends; also when it panics, times out or is killed.
//   - The host is not changed: a machine has its own network, mounts, processes and part
//     of cgroup2, and a layer in memory over a cached tree that nothing writes to.
//   - A test that cannot boot a machine here is skipped with one line, which says what is
//     missing and what was not proved.
//
// A case, where blog is the text of a site file with the daemon group web:
//
//	func TestStop(t *testing.T) {
//		boot.Run(t, "a site that stops keeps its socket",
//			boot.Case{Name: "inode", Run: func(t *testing.T, m *boot.Machine) {
//				m.WriteFile("/srv/blog/app.py", app, 0o644, "joe:joe")
//				m.Site("blog", blog)
//				m.MustRun("systemctl", "start", "wsgi@blog.socket")
//				before := m.Inode("/run/wsgi/blog.sock")
//				if got := m.Curl("--unix-socket", "/run/wsgi/blog.sock", "http://blog/"); got.Status != 200 {
//					t.Errorf("status %d\n%s", got.Status, got.Body)
//				}
//				leader := m.Process(m.PID("wsgi-blog:web@a.service"))
//				m.MustRun("systemctl", "stop", "wsgi@blog.service")
//				leader.AwaitEnd(10 * time.Second)
//				if after := m.Inode("/run/wsgi/blog.sock"); after != before {
//					t.Errorf("inode %d became %d", before, after)
//				}
//			}},
//		)
//	}
//
// The cases of one [Run] share a machine and leave it as they found it (Site, WriteFile and
// UserManager undo what they did); a case with Own has one to itself, for a second or two
// more. The machine that a case gets has wsgid installed and is `running`. A method that
// fails ends the test, and a test that has failed ends with the machine's journal. For a
// subtest, m.In(t) is the machine.
//
//   - programs: Run, RunAs, MustRun; Exec and Must take a Command; Command.Stdin, Env, Within;
//     Machine.Command gives an exec.Cmd, for what runs beside the test
//   - requests: Curl, TryCurl (as a user, may fail); Dial and Client connect from the test itself
//   - files: WriteFile, ReadFile, Exists, Inode, Owner, Site; UID of a user
//   - units: Property, AwaitProperty, PID, Process (Signal, AwaitEnd), UserManager
//   - journal: Journal, Records (with fields), AwaitJournal
//   - machine: Reboot, PowerOff, Start, Install, Uninstall, Release.Systemd;
//     Boot gives one more of them
//
// A program that is no test uses a machine as well (tests/bench does): [OnStage], [Boot],
// and [Keeper] and [Provide] in the place of [Main].
//
// How a machine is made: mmdebstrap makes a tree per release, kept in the cache. A keeper
// process (this program again) has a mount namespace with a tmpfs over the tree and
// cgroup2 alone at /sys/fs/cgroup, which systemd-nspawn needs where the host's own
// hierarchy is another. It ends when its standard input does, and kills the machine's
// cgroup then. Limits: no network, no /dev/kmsg, and of the cgroup controllers those that
// the host has in cgroup2 (see the machine's /sys/fs/cgroup/cgroup.controllers).
//
// The environment chooses what is tested:
//
//   - WSGID_BOOT_RELEASES: names of releases (bullseye, bookworm, trixie); bookworm when it
//     is not set; empty leaves these tests out;
//   - WSGID_BOOT_CACHE: where trees are kept, 300 MB each; wsgid/boot in the user's cache
//     directory when it is not set. A tree may be deleted while no test runs;
//   - WSGID_BOOT_MIRROR: the Debian archive; that of the host's apt when it is not set;
//   - WSGID_SOAK: "long" for the long form of TestSoak (`make soak`), whose order of events
//     WSGID_SOAK_SEED repeats;
//   - WSGID_TEST_BINARY: a wsgid built before, with wsgid-generator beside it; when it is
//     not set, [Main] builds both.
package boot
