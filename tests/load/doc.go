// Package load is a closed-loop HTTP/1.1 client on plain sockets that accounts for
// every request it makes, and the application that it drives (tests/apps/load).
//
// Invariants:
//
//   - Every request ends in exactly one [Kind]; what happens between two requests on a
//     connection is counted beside them.
//   - An answer counts as OK only if it is whole, answers this request and no other, has not
//     been given before and has every byte right.
//   - Nothing is retried and nothing is forgiven: what a client could have recovered from
//     without a user's knowing (ClosedIdle) is counted, and is no failure.
//   - A gap that the client itself made is not put down to the server: the time in which the
//     client's own timers were late is known, and Gap.Net is without it.
//
// A test:
//
//	app, _ := load.NewApp(dir) // serve app.Script(); app.Set(load.FileRecord, dir+"/seen") before
//	client, err := load.New(load.Options{
//		Dial: func(context.Context) (net.Conn, error) { return m.Dial("unix", "/run/wsgi/blog.sock") },
//		Workers: []load.Workers{
//			{Job: load.Get, Count: 8, Think: 5 * time.Millisecond},
//			{Job: load.Upload, Bytes: 1 << 20, For: 2 * time.Second},
//			{Job: load.Sleep, Count: 2, For: 20 * time.Second},
//		},
//	}) // then: err
//	client.Start(ctx)
//	err = client.AwaitLoad(ctx) // everything is under way
//	client.Mark("reload 1")     // … reload …; client.Report() is the account so far
//	report := client.Stop()     // finishes what is under way
//	if report.Failures() > 0 || report.LongestGap("reload").Net() > 20*time.Millisecond {
//		t.Error(report)
//	}
//	seen, err := client.Seen(ctx) // report.Repeated(seen): served twice; report.Unrecorded(seen)
//
// Two gaps are measured, on the answers that are due at once (Get, GetClose and Post): how
// long one of them waited for its right answer, and how long some waited while none was
// answered; the latter goes on through failures. Both are put down to the last [Client.Mark]
// before their end. A request that a killed process had is found by Failure.ID in what the
// application has recorded, since the record has the process id, too.
//
// How the client knows of its own delays: a timer of two milliseconds, and the pauses of all
// workers, note when they run later than they are due. What is late by less than two
// milliseconds is not noted, and neither is what falls between two such moments, so Net is
// up to a few milliseconds too long for each stall. Where server and client were held up at
// once, it is too short by that. On a machine that is busy with something else the
// server stalls as well: Report.Stalls says how busy it was.
package load
