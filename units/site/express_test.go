package site

import (
	"strings"
	"testing"
)

// TestExpressDefaults: a default is that of mod_wsgi-express, or the page of the key
// says what that one is, and why it is another here.
func TestExpressDefaults(t *testing.T) {
	left := expressDefaults()
	for _, k := range Keys() {
		want, known := left[k.Name]
		if !known || k.State != Supported {
			continue
		}
		delete(left, k.Name)
		got := k.defaultText(t)
		tells := strings.Contains(k.Notes, "mod_wsgi-express")
		switch {
		case got == want && tells:
			t.Errorf("%s: the Notes tell of mod_wsgi-express, whose default it has", k.Name)
		case got != want && !tells:
			t.Errorf("%s: the default is %s, that of mod_wsgi-express %s, and the Notes do not say why", k.Name, got, want)
		case got != want && !strings.Contains(k.Notes, want):
			t.Errorf("%s: the Notes do not name the default of mod_wsgi-express, %s", k.Name, want)
		}
	}
	for name := range left {
		t.Errorf("there is no key %s", name)
	}
}

// defaultText is the default as a person would write it.
func (k *Key) defaultText(t *testing.T) string {
	t.Helper()
	if k.Default == nil {
		return "0" // of numbers; other keys are not set
	}
	if size, ok := k.Default.(int64); ok && k.Type == TypeSize {
		return FormatSize(size)
	}
	return strings.Trim(encodeAny(k.Default), `"`)
}

func encodeAny(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case bool:
		return encodeValue(&v)
	case int64:
		return encodeValue(&v)
	}
	return ""
}

// TestExpressDefaultIsShown: the man page has it where it is not mod_wsgi's own.
func TestExpressDefaultIsShown(t *testing.T) {
	for _, test := range []struct{ key, want string }{
		{"request-timeout", "60s"},
		{"pass-authorization", "true"},
		{"limit-request-body", "10M"},
		{"listen-backlog", "500"},
		{"locale", "en_US.UTF-8"},
		{"graceful-timeout", ""},
		{"response-buffer-size", ""},
		{"map-head-to-get", ""},
		{"response-flush-delay", ""},
		{"error-override", ""},
		{"umask", ""},
	} {
		if found := lookup(Keys(), test.key); found == nil || found.ExpressDefault != test.want {
			t.Errorf("%s: %+v, want %q", test.key, found, test.want)
		}
	}
}
