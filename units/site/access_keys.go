package site

// accessKeys are the keys of an Access; policyKeys has them.
func accessKeys() []Key {
	return []Key{
		{
			Name: "access-script", Type: TypeString, check: checkPathOrNone, ModWSGI: "WSGIAccessScript",
			Meaning: "File whose function allow_access(environ, host) is asked before the application: False answers 403, True and None do not; empty for none.",
			Notes: "It runs in the application's own processes, in the request's thread and in the main interpreter, whatever application-group says; never in the front end. " +
				"The processes load it when they start: a broken one fails the reload with its traceback and changes nothing. " +
				"host is the client's address. environ is that of the application, without wsgi.input. An exception, or another result, is answered 500 and logged with its traceback.\n\n" +
				"It is asked before the client's name is. Nothing is remembered from one request to the next: a script that asks a database keeps its own answers. " +
				"Requests of warm-up are not checked. script-reloading watches this file, and those of the other keys for access, as it watches the application's.",
		},
		{
			Name: "auth-type", Type: TypeEnum, Values: []string{AuthNone, AuthBasic, AuthDigest}, ModWSGI: "AuthType",
			Meaning: "How clients say who they are: \"basic\", \"digest\", or \"none\", which is the default, where they need not.",
			Notes: "REMOTE_USER and AUTH_TYPE tell the application, and the access log names the user. Who cannot come is answered 401, as by Apache httpd also with good credentials that require does not name: the browser may ask for others. " +
				"The application sees the Authorization header as well, unless pass-authorization is false.\n\n" +
				"\"basic\" (RFC 7617) takes names and passwords in UTF-8; without TLS everybody on the way can read them. " +
				"\"digest\" (RFC 7616, with MD5 and qop=auth, as get_realm_hash() makes necessary) keeps the password from them. " +
				"Its nonces are good for 5 minutes in all processes of the group, after a reload and a restart as well; after that clients ask for another by themselves (stale=true). " +
				"As with Apache httpd's default the counts of a nonce are not checked: who can read a request can repeat the same within that time.",
		},
		{
			Name: "auth-name", Type: TypeString, ModWSGI: "AuthName",
			Meaning: "Realm: what browsers show when they ask for a password, and keep it by.",
		},
		{
			Name: "auth-user-script", Type: TypeString, check: checkPathOrNone, ModWSGI: "WSGIAuthUserScript",
			Meaning: "File that knows the users: check_password(environ, user, password) for auth-type \"basic\", get_realm_hash(environ, user, realm) for \"digest\".",
			Notes: "check_password() returns True, False for a wrong password, None for a user that is not known, or a str, which is the user's name from there on. " +
				"get_realm_hash() returns the MD5 hash of user:realm:password in hexadecimal digits, or None. An exception, or another result, is answered 500 and logged with its traceback.",
		},
		{
			Name: "auth-group-script", Type: TypeString, check: checkPathOrNone, ModWSGI: "WSGIAuthGroupScript",
			Meaning: "File whose function groups_for_user(environ, user) returns the names of a user's groups, in a list or the like.",
		},
		{
			Name: "require", Type: TypeStrings, check: checkRequirement, ModWSGI: "Require",
			Meaning: "Who may come, any one of \"valid-user\", \"user NAME ...\" and \"group NAME ...\", or else \"all granted\" or \"all denied\"; \"valid-user\" when auth-type is set and this is not.",
			Notes: "A name with a blank in it is written in double quotes. mod_wsgi's \"wsgi-group\" is \"group\". " +
				"\"all granted\" opens a part of what auth-type closes around it, \"all denied\" answers 403 to everybody.",
		},
		{
			Name: "group-authoritative", Type: TypeBool, Default: false, ModWSGI: "WSGIGroupAuthoritative", ModWSGIDefault: "On",
			Meaning: "Whether a user must be in one of the groups that require names, whatever else require has; false lets any entry of require do, as Apache httpd 2.4 does.",
		},
	}
}

func accessFields(a *Access) fields {
	return fields{
		{"access-script", &a.Script},
		{"auth-type", &a.AuthType},
		{"auth-name", &a.AuthName},
		{"auth-user-script", &a.UserScript},
		{"auth-group-script", &a.GroupScript},
		{"require", &a.Require},
		{"group-authoritative", &a.GroupAuthoritative},
	}
}

// checkPathOrNone lets "" take back what is written further out.
func checkPathOrNone(s string) *fault {
	if s == "" {
		return nil
	}
	return checkAbsolute(s)
}
