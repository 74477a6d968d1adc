// Package packaging holds what the deb and the rpm are made of, and the tests of both.
// `make packages` builds them.
//
// Invariants:
//
//   - What is in a package is what `make install` puts in place; no other list of files exists.
//   - The same commit gives the same bytes.
//   - Installing enables and starts nothing; an upgrade stops nothing.
//   - Site files are the administrator's: no package contains or removes one.
package packaging
