// Package control is how programs on the same machine tell a supervisor what to
// do: a socket in its private runtime directory that takes one request per
// connection, a line of JSON, and answers with one.
//
// What it keeps true:
//
//   - Every request is answered, with what came of it, before its connection is
//     closed; a client that goes away does not undo what it asked for.
//   - Root, the supervisor's own user and the members of its group may ask, which
//     the mode of the directory and of the socket sees to.
//   - The socket's path always leads to a supervisor that listens: a new one is
//     put in the place of the old by rename(2).
package control
