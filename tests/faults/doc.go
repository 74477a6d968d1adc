// Faults shows what Apache with mod_wsgi does where things go wrong, and what wsgid does
// in the same place: reloads with requests in flight, wrong settings, processes that hang
// or die, responses that are cut, queues that are full.
//
//	go run ./tests/faults [-only REGEXP]
//
// What holds in every run:
//
//   - Every cell of the table is what was seen in this run. Nothing is known beforehand, and
//     a row that cannot be tried here says what is missing.
//   - Both serve the same application (app.py) and are driven by the same steps; only the
//     settings are written in each one's own words, and stand in the experiment.
//   - Apache and mod_wsgi are Debian's packages on this host (tests/peers); wsgid runs as
//     systemd runs it, on a booted machine (tests/boot).
//   - One server is up at a time, each experiment has a fresh one, every wait is bounded, and
//     what was started is ended.
//
// The identifiers of the experiments are those of the notes that they were first made for;
// those that showed nothing have no row.
package main
