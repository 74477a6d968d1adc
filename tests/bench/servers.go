package main

import "github.com/wsgid/wsgid/tests/peers"

// Names of the servers, in -servers and in the tables.
const (
	nameWsgid  = "wsgid"
	nameUwsgi  = "nginx+uwsgi"
	nameApache = "apache"
)

func kinds() []peers.Kind {
	return []peers.Kind{peers.Wsgid(), peers.Uwsgi(), peers.Apache()}
}

func kindByName(name string) (peers.Kind, bool) {
	for _, k := range kinds() {
		if k.Name == name {
			return k, true
		}
	}
	return peers.Kind{}, false
}

func kindNames() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.Name)
	}
	return names
}
