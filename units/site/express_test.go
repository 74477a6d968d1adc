package site

import (
	"strings"
	"testing"
)

// expressDefaults are what mod_wsgi-express writes where nothing else is asked for
// (6.0), by our keys: the settings that its documentation tells everybody to take over.
func expressDefaults() map[string]string {
	return map[string]string{
		"processes": "1", "threads": "5",
		"request-timeout": "60s", "queue-timeout": "45s", "socket-timeout": "60s", "connect-timeout": "15s",
		"startup-timeout": "15s", "deadlock-timeout": "60s", "graceful-timeout": "15s", "shutdown-timeout": "5s",
		"header-timeout": "15s", "body-timeout": "15s", "body-min-rate": "500", "keep-alive-timeout": "2s",
		"queue-limit": "100", "listen-backlog": "500", "limit-request-body": "10M",
		"pass-authorization": "true", "interrupt-timeout": "0s", "maximum-requests": "0", "restart-interval": "0s",
		"inactivity-timeout": "0s", "eviction-timeout": "0s", "cpu-time-limit": "0s", "cpu-priority": "0",
		"memory-limit": "0", "virtual-memory-limit": "0", "response-socket-timeout": "0s", "response-flush-delay": "5ms",
		"header-buffer-size": "32K", "response-buffer-size": "8M", "send-buffer-size": "0", "receive-buffer-size": "0",
		"locale": "en_US.UTF-8", "map-head-to-get": "auto", "error-override": "false",
	}
}

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
