// Package project looks at the directory of a Python web application, for `wsgid new`:
// which framework it is, what a server calls, which virtual environment it has.
//
// What it keeps true:
//
//   - It runs nothing and imports nothing of the project: who asks may be root.
//   - What it finds is a proposal for a person to read. It says only what a file says, and
//     where two answers are possible it gives none.
package project
