// Package load holds the source of the WSGI application that the load client of
// tests/load drives; app.py says what it answers.
package load

import _ "embed"

//go:embed app.py
var source string

// Source is the text of app.py.
func Source() string { return source }
