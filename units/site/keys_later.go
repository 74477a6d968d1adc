package site

// The keys of this file are of later work, or belong to mechanisms that wsgid
// has no use for. They are read and checked, then refused.

func locationKeys() []Key {
	return append(policyKeys(), []Key{
		{Name: "path", Type: TypeString, check: checkURLPath, Meaning: "URL path that the settings hold for, and for what is below it."},
	}...)
}

func staticKeys() []Key {
	return []Key{
		{Name: "path", Type: TypeString, check: checkURLPath, State: Later, Meaning: "URL path of the directory."},
		{Name: "directory", Type: TypePath, State: Later, Meaning: "Directory whose files are served."},
		{Name: "expires", Type: TypeDuration, State: Later, Meaning: "Time a client may keep a file."},
		{Name: "index", Type: TypeString, State: Later, Meaning: "File that answers for a directory."},
	}
}
