package site

import "slices"

// Table names a place where keys may stand.
type Table string

// The tables of a site file.
const (
	tableTop      Table = "top level"
	tableSite     Table = "[site]"
	tableGroup    Table = "[group.NAME]"
	tableMount    Table = "[[mount]]"
	tableVhost    Table = "[[vhost]]"
	tableLocation Table = "[[location]]"
	tableStatic   Table = "[[static]]"
	tableRedirect Table = "[[redirect]]"
	tableRewrite  Table = "[[rewrite]]"
	tableHandler  Table = "[[handler]]"
	tableTLS      Table = "[tls]"
)

// Type says how a key's value is written.
type Type string

// The types of values.
const (
	TypeString   Type = "string"
	TypeBool     Type = "boolean"
	TypeInt      Type = "integer"
	TypeDuration Type = "duration"                // "60s", or a number of seconds
	TypeSize     Type = "size"                    // "64K", or a number of bytes
	TypeOctal    Type = "octal string"            // "0027"
	TypeEnum     Type = "one of"                  // see Key.Values
	TypePath     Type = "absolute path"           //
	TypePaths    Type = "path or array"           // absolute ones
	TypePathList Type = "a:b or array of paths"   // absolute ones
	TypeStrings  Type = "string or array"         //
	TypeUser     Type = "user or group name"      //
	TypeListen   Type = "address or array"        // see ParseListener
	TypeSeed     Type = "integer or \"random\""   //
	TypePeers    Type = "network or array"        // "10.0.0.0/8", "127.0.0.1", "unix", "all"
	TypePages    Type = "table of files or texts" // by status, see Pages
	TypeEnv      Type = "table of strings"        // environment variables
	TypeUnit     Type = "table of directives"     // for a unit of systemd, see Directive
	TypeTable    Type = "table"                   // [name]
	TypeTables   Type = "array of tables"         // [[name]]
	TypeNamed    Type = "tables, one per name"    // [name.NAME]
)

// State says whether this version acts on a key.
type State string

// The states of keys. Keys that are not needless are checked for type and range.
const (
	// Supported keys work.
	Supported State = "supported"
	// Later keys are refused as not supported yet.
	Later State = "later"
	// Needless keys belong to a mechanism of mod_wsgi that wsgid does not have;
	// they are refused, and Meaning says why.
	Needless State = "needless"
)

// Key describes one key of the site file. The list of them is what the parser
// goes by and what the reference page is made from.
type Key struct {
	Name  string
	Table Table
	Type  Type
	// Unit of a bare number; "" when there is none.
	Unit string
	// Min and Max bound numbers (durations in nanoseconds). Max 0 means no bound.
	Min, Max int64
	// Zero says what 0 stands for where it is allowed below Min, "no limit"; ""
	// means that it is a number like any other.
	Zero string
	// Values lists the words of a TypeEnum.
	Values []string
	// Default is the value as it could stand in the file; nil means not set.
	Default any
	// ModWSGI is the name of mod_wsgi's option or directive, "" when there is none.
	ModWSGI string
	// ModWSGIDefault is mod_wsgi's own default, for people who migrate.
	ModWSGIDefault string
	// ExpressDefault is what mod_wsgi-express sets, "" where it leaves mod_wsgi's.
	ExpressDefault string
	// Meaning is one sentence.
	Meaning string
	// Notes are what one sentence cannot hold, for the man page: paragraphs that
	// are set apart by "\n\n". Most keys have none.
	Notes string
	State State
	// check looks at a string value beyond its type; nil means nothing to check.
	check func(string) *fault
}

// Keys lists every key of the site file, table by table.
func Keys() []Key {
	var all []Key
	for _, t := range allTables() {
		all = append(all, keysOf(t)...)
	}
	return all
}

func allTables() []Table {
	return []Table{tableTop, tableSite, tableGroup, tableMount, tableVhost, tableLocation, tableStatic, tableHandler, tableRedirect, tableRewrite, tableTLS}
}

// keysOf gives the keys of a table with the fields filled in that all of its
// rows share.
func keysOf(t Table) []Key {
	rows := map[Table]func() []Key{
		tableTop:      topKeys,
		tableSite:     siteTableKeys,
		tableGroup:    groupKeys,
		tableMount:    mountKeys,
		tableVhost:    vhostKeys,
		tableLocation: locationKeys,
		tableStatic:   staticKeys,
		tableRedirect: redirectKeys,
		tableRewrite:  rewriteKeys,
		tableHandler:  handlerKeys,
		tableTLS:      tlsKeys,
	}
	keys := rows[t]()
	express := expressDefaults()
	for i := range keys {
		keys[i].complete(t)
		keys[i].ExpressDefault = keys[i].express(express[keys[i].Name])
	}
	return keys
}

func (k *Key) complete(t Table) {
	k.Table = t
	if k.State == "" {
		k.State = Supported
	}
	if k.Unit == "" {
		k.Unit = map[Type]string{TypeDuration: "seconds", TypeSize: "bytes"}[k.Type]
	}
}

// lookup finds a key in a table, nil when it is not there.
func lookup(keys []Key, name string) *Key {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return nil
	}
	return &keys[i]
}

func topKeys() []Key {
	return slices.Concat(siteKeys(), logKeys(), limitKeys(), policyKeys(), spoolKeys(), socketKeys(), topNeedlessKeys(), pythonKeys())
}

func siteKeys() []Key {
	return []Key{
		{
			Name: "server-name", Type: TypeString, check: checkHost, ModWSGI: "ServerName",
			Meaning: "Host name of the site: SERVER_NAME of requests that name no host themselves.",
		},
		{
			Name: "listen", Type: TypeListen, ModWSGI: "Listen",
			Meaning: "Addresses and UNIX sockets on which the site is served over HTTP.",
		},
		{
			Name: "proxy-protocol", Type: TypeListen,
			Meaning: "Those addresses of listen, and the site's UNIX socket if it is named here, on which every connection must begin with a header of the PROXY protocol, version 1 or 2; on TCP ones only trusted-proxies may connect.",
		},
		{
			Name: "http2", Type: TypeBool, Default: true, ModWSGI: "Protocols",
			Meaning: "Speaks HTTP/2 with clients that ask for it: over TLS, and without TLS with those that begin with it, such as a proxy.",
		},
		{
			Name: "uwsgi-protocol", Type: TypeBool, Default: true,
			Meaning: "Takes requests in the uwsgi protocol (uwsgi_pass of nginx, mod_proxy_uwsgi of Apache httpd) beside HTTP, on UNIX sockets and from trusted-proxies.",
		},
		aliasKey(),
		{
			Name: "default-host", Type: TypeBool, Default: true,
			Meaning: "Whether the top level's mounts also serve host names that no virtual host has; false answers those 421.",
		},
		{
			Name: "server-metrics", Type: TypeBool, ModWSGI: "server-metrics", ModWSGIDefault: "Off",
			Meaning: "Lets applications see what the processes and threads of their own group do, by mod_wsgi.server_metrics().",
		},
		{Name: "group", Type: TypeNamed, ModWSGI: "WSGIDaemonProcess", Meaning: "Daemon groups: processes that run one application."},
		{Name: "mount", Type: TypeTables, ModWSGI: "WSGIScriptAlias", Meaning: "URL paths and the applications behind them."},
		{Name: "site", Type: TypeTable, Meaning: "What belongs to the site as a whole and has no key at the top level: [site.systemd]."},
		{Name: "vhost", Type: TypeTables, ModWSGI: "VirtualHost", Meaning: "Further host names with mounts of their own."},
		{Name: "location", Type: TypeTables, ModWSGI: "Location", Meaning: "Settings for a part of the URL space."},
		{Name: "static", Type: TypeTables, ModWSGI: "Alias", Meaning: "Directories whose files the front end serves itself."},
		{Name: "redirect", Type: TypeTables, ModWSGI: "Redirect", Meaning: "URLs that are answered with another one."},
		{Name: "rewrite", Type: TypeTables, ModWSGI: "RewriteRule", Meaning: "URL paths for which others count inside of the site."},
		{Name: "handler", Type: TypeTables, ModWSGI: "WSGIHandlerScript", Meaning: "Applications that answer for files of certain names."},
		{Name: "tls", Type: TypeTable, ModWSGI: "SSLEngine", Meaning: "TLS on the site's own addresses."},
		{
			Name: "warm-up", Type: TypeStrings, check: checkURLPath,
			Meaning: "Paths that are requested from a new process before it takes traffic.",
		},
		{
			Name: "warm-up-status", Type: TypeInt, Min: 100, Max: 599, Default: int64(200),
			Meaning: "Status that the application must answer to the requests of warm-up.",
		},
		{
			Name: "warm-up-timeout", Type: TypeDuration, Default: "15s",
			Meaning: "Time that a new process has for the requests of warm-up, after the import; 0 means no limit.",
		},
	}
}

func logFormats() []string { return []string{"common", "combined", "json"} }

func logKeys() []Key {
	return []Key{
		{
			Name: "access-log", Type: TypeString, check: checkAccessLog, ModWSGI: "CustomLog",
			Meaning: "Access log: \"-\" for standard output, or an absolute path, made by the front end's user with mode 0640; empty for none.",
			Notes: "No request waits for the disk: lines are gathered for a tenth of a second and written together. " +
				"They are written before the supervisor ends, however it is told to; only a supervisor that is killed (SIGKILL) takes those of its last tenth of a second with it.",
		},
		{
			Name: "access-log-format", Type: TypeEnum, Values: logFormats(), Default: "combined", ModWSGI: "LogFormat",
			Meaning: "Form of an access log line.",
		},
		{
			Name: "error-log", Type: TypePath, ModWSGI: "ErrorLog",
			Meaning: "File for what applications write and log and for what goes wrong with requests, in place of the journal; made by the front end's user with mode 0640.",
			Notes:   "A supervisor that is killed (SIGKILL) takes the lines of its last tenth of a second with it, as with access-log; the journal does not lose them.",
		},
		{
			Name: "rotate", Type: TypeSize, Min: 1 << 20, State: Later,
			Meaning: "Size at which wsgid itself starts a new log file.",
		},
		{
			Name: "slow-requests", Type: TypeDuration, Default: "0", ModWSGI: "WSGISlowRequests", ModWSGIDefault: "off",
			Meaning: "Requests that have been in the queue and in the application for longer are logged once, while they are there; 0 means none.",
		},
	}
}

func limitKeys() []Key {
	return []Key{
		{
			Name: "limit-request-line", Type: TypeSize, Min: 64, Max: 1 << 20, Default: int64(8190), ModWSGI: "LimitRequestLine", ModWSGIDefault: "8190",
			Meaning: "Longest request line; a longer one is answered 414.",
		},
		{
			Name: "limit-request-fields", Type: TypeInt, Min: 1, Max: 32767, Default: int64(100), ModWSGI: "LimitRequestFields", ModWSGIDefault: "100",
			Meaning: "Largest number of request header fields; more are answered 431.",
		},
		{
			Name: "limit-request-field-size", Type: TypeSize, Min: 64, Max: 1 << 20, Default: int64(8190), ModWSGI: "LimitRequestFieldSize", ModWSGIDefault: "8190",
			Meaning: "Longest single request header field; a longer one is answered 431.",
		},
		{
			Name: "limit-request-head-size", Type: TypeSize, Min: 1024, Max: 16 << 20, Default: int64(65536),
			Meaning: "Largest request head, line and fields together; a larger one is answered 431.",
		},
		{
			Name: "header-timeout", Type: TypeDuration, Default: "15s", ModWSGI: "RequestReadTimeout", ModWSGIDefault: "20-40",
			Meaning: "Time a client has for a whole request head; 0 means no limit.",
		},
		{
			Name: "body-timeout", Type: TypeDuration, Default: "15s", ModWSGI: "RequestReadTimeout", ModWSGIDefault: "20",
			Meaning: "Longest silence of a client inside a request body; 0 means no limit.",
		},
		{
			Name: "body-min-rate", Type: TypeInt, Unit: "bytes per second", Max: 1 << 30, Default: int64(500), ModWSGI: "RequestReadTimeout", ModWSGIDefault: "500",
			Meaning: "Lowest rate at which a client may send a request body; 0 means off.",
		},
		{
			Name: "keep-alive-timeout", Type: TypeDuration, Default: "75s", ModWSGI: "KeepAliveTimeout", ModWSGIDefault: "5",
			Meaning: "How long a connection may idle between requests; 0 means no limit. It should exceed that of a proxy in front.",
			Notes: "mod_wsgi-express has 2s, because a connection that idles may cost Apache httpd a thread. " +
				"Here it costs some kilobytes, and a proxy that finds its connection closed has to repeat the request.",
		},
		{
			Name: "send-timeout", Type: TypeDuration, Default: "60s", ModWSGI: "response-socket-timeout", ModWSGIDefault: "60",
			Meaning: "Longest time a client may accept nothing of its response; 0 means no limit.",
		},
		{
			Name: "max-connections", Type: TypeInt, Min: 1, Max: 1 << 20, Default: int64(10000), ModWSGI: "MaxRequestWorkers",
			Meaning: "Largest number of open client connections.",
		},
	}
}

func spoolKeys() []Key {
	return []Key{
		{
			Name: "request-buffer-size", Type: TypeSize, Max: 1 << 30, Default: int64(65536),
			Meaning: "Bytes of a request body kept in memory before a temporary file takes it; 0 means that the file takes all of it.",
		},
		{
			Name: "request-spool-limit", Type: TypeSize, Default: int64(1 << 30),
			Meaning: "Bytes of a request body that the file takes; what is beyond is streamed while the thread waits; 0 means no file.",
		},
		{
			Name: "response-spool-limit", Type: TypeSize, Default: int64(1 << 30),
			Meaning: "Bytes of a response held in a file for a slow client, so that the thread is free; 0 means no file.",
		},
		{
			Name: "spool-directory", Type: TypePath,
			Meaning: "Directory of those files; without it the system's temporary directory.",
		},
	}
}
