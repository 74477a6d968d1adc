package site

import "strings"

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

// express is value, or "" where mod_wsgi does the same by itself.
func (k *Key) express(value string) string {
	same := strings.EqualFold(value, k.ModWSGIDefault)
	switch k.Type {
	case TypeBool:
		same = (value == "true") == strings.EqualFold(k.ModWSGIDefault, "On")
	case TypeDuration:
		ours, err := ParseDuration(value)
		theirs, other := ParseDuration(k.ModWSGIDefault)
		same = err == nil && other == nil && ours == theirs
	case TypeSize:
		ours, err := ParseSize(value)
		theirs, other := ParseSize(k.ModWSGIDefault)
		same = err == nil && other == nil && ours == theirs
	}
	if same {
		return ""
	}
	return value
}
