// Bench measures wsgid beside the servers it takes the place of: nginx with
// uWSGI, and Apache with mod_wsgi's daemon mode, each from Debian's packages,
// each with Debian's python3, each with two processes of fifteen threads.
//
//	go run ./tests/bench [-quick] [-rounds N] [-time D] [-only REGEXP]
//	                     [-servers LIST] [-wsgid PATH] [-out FILE]
//
// What holds in every run:
//
//   - All servers run the very same application file. Its answer (status,
//     length, SHA-256) is checked on every server before a row is measured; a
//     server that fails the check is not measured and the exit status is 1.
//   - A row of the comparison is measured in rounds. Within a round the servers take their turns
//     right after one another, and the order rotates with each round, so that
//     slow changes of the machine fall on all of them alike. Before the first
//     round each server is warmed up on the row, uncounted.
//   - All servers of the run are up while a row is measured, those not under
//     test without traffic: starting and warming them up for each cell would
//     cost more time than the cells. They are started anew for each application.
//   - Memory at rest and the time to the first answer are measured with one
//     server up at a time, because PSS is less for pages that another server
//     happens to map as well.
//   - Every process started here is ended by its process id, also after an
//     error, SIGINT, SIGTERM or SIGHUP. Processes that leave their parents stay ours:
//     bench is their subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)).
//
// # Figures
//
// CPU per request is the user and system time of all processes of a server,
// from each process's CPU-time clock (clock_getcpuclockid(3): nanoseconds, threads
// that have ended included) plus that of children already reaped, divided by
// completed requests. The load generator is not part of it, but shares the
// processor cores: requests per second say less than CPU per request, and only
// ratios within one run mean anything.
//
// Switches are how often threads of the server were given a processor, per
// request (third field of /proc/PID/task/TID/schedstat).
//
// Small exchanges are driven by wrk in a closed loop, whose own percentiles
// are printed. The rows "upload" and "stream" are driven by a closed loop of
// our own that lets requests in flight finish: with exchanges this long, those
// cut off at the end would spoil the division.
//
// The rows "static" are files that nginx and wsgid serve themselves. The rows "tls" are
// hello.py over TLS, with a certificate that is made for the run and TLS 1.3 as all of
// them and wrk agree on; a connection per request is a whole handshake each. The rows
// "http2" are the same with HTTP/2, named clients x requests of each at a time, driven by
// h2load, beside nginx. The rows "routing" are hello.py at one of so many virtual hosts of
// one wsgid; what is compared is wsgid with one host.
//
// The time to the first answer runs from before the first process is started
// until a 200 has been read, with a new connection at most every millisecond.
//
// # Under systemd
//
// The rows "scale" are wsgid's alone. They are measured on booted Debian machines
// (tests/boot), where wsgid is installed as `make install` does: bookworm, or those
// that WSGID_BOOT_RELEASES names. Without root, or where no machine can be booted, a
// line at the end says what was not measured.
//
//   - scale:units: what more and more sites, with two daemon groups each, cost
//     the generator, `systemctl daemon-reload` and PID 1, which is re-executed
//     before each step. The times are taken inside, by a program that starts the other.
//   - scale:connect: how long the first request waits when the whole site, or
//     its daemon group (after inactivity-timeout), has to be started for it. PID 1
//     may note a service's READY=1 after that, so its time may be the longer one.
//   - scale:memory: what the processes have in memory before the first
//     connection, at rest, and, as the largest of a look every quarter of a second,
//     under loads. The program's pages, which supervisor and leader share,
//     count in halves as PSS.
//
// # Peers
//
// Every peer has a complete configuration of its own, made for this run, close
// to what the package ships where nothing here calls for more: access logs off, keep-alive
// without limit on requests, no limit on bodies, room for 256 connections. nginx
// buffers requests and responses as it does by default, as wsgid does. Started
// by root, the peers keep a root parent and work as www-data; wsgid, which no
// part of may be root, is started as www-data.
package main
