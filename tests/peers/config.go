package peers

// Configuration of the servers, filled in with a site. Where a line differs from
// what Debian's packages ship, its comment says why.

const nginxConfig = `# nginx in front of uWSGI
daemon off;
worker_processes 2;
pid {{.Dir}}/nginx.pid;
error_log stderr warn;
{{- if .Account.Root}}
user {{.Account.Name}} {{.Account.Group}};
{{- end}}
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    server_tokens off;
    access_log off;
    gzip off;
    keepalive_timeout 75s;
    # The default closes a connection after 1000 requests: no part of the comparison.
    keepalive_requests 100000000;
    client_max_body_size 0;
    client_body_temp_path {{.Dir}}/body;
    uwsgi_temp_path {{.Dir}}/uwsgi;
    proxy_temp_path {{.Dir}}/proxy;
    fastcgi_temp_path {{.Dir}}/fastcgi;
    scgi_temp_path {{.Dir}}/scgi;
    server {
        listen 127.0.0.1:{{.Port}} backlog={{.Backlog}};
        server_name localhost;
{{- with .TLS}}
        listen 127.0.0.1:{{.Port}} ssl http2 backlog={{$.Backlog}};
        ssl_certificate {{.Certificate}};
        ssl_certificate_key {{.Key}};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:TLS:1m;
{{- end}}
{{- with .Static}}
        location /static/ { alias {{.}}/; }
{{- end}}
        location / {
            include /etc/nginx/uwsgi_params;
            uwsgi_pass unix:{{.Dir}}/uwsgi.sock;
        }
    }
}
`

// uWSGI knows the options of a plugin only below the line that loads it.
const uwsgiBehindNginxConfig = `[uwsgi]
strict = true
plugins = python3
socket = {{.Dir}}/uwsgi.sock
chmod-socket = 660
` + uwsgiConfig

const uwsgiHTTPConfig = `[uwsgi]
strict = true
plugins = python3,http
http = 127.0.0.1:{{.Port}}
; Off by default, and with it what ends an answer without a length.
http-keepalive = 75
http-auto-chunked = true
` + uwsgiConfig

const uwsgiConfig = `master = true
processes = {{.Processes}}
threads = {{.Threads}}
enable-threads = true
single-interpreter = true
need-app = true
wsgi-file = {{.App}}
callable = application
listen = {{.Backlog}}
disable-logging = true
die-on-term = true
vacuum = true
no-orphans = true
{{- if .Account.Root}}
uid = {{.Account.Name}}
gid = {{.Account.Group}}
{{- end}}
{{.More}}
`

// wsgidConfig is for what the command line has no flags for. Strings of TOML are
// printed as those of Go: paths have nothing in which the two differ.
const wsgidConfig = `# wsgid by itself
listen = [{{printf "127.0.0.1:%d" .Port | printf "%q"}}{{with .TLS}}, {{printf "127.0.0.1:%d" .Port | printf "%q"}}{{end}}]
{{- if .Hosts}}
server-name = "site.example"
{{- end}}
{{- with .TLS}}
[tls]
listen = {{printf "127.0.0.1:%d" .Port | printf "%q"}}
certificate = {{printf "%q" .Certificate}}
key = {{printf "%q" .Key}}
{{- end}}
[group.main]
processes = {{.Processes}}
threads = {{.Threads}}
python = {{printf "%q" .Python}}
[[mount]]
path = "/"
script = {{printf "%q" .App}}
group = "main"
{{- with .Static}}
[[static]]
path = "/static"
directory = {{printf "%q" .}}
{{- end}}
{{- range .HostNames}}
[[vhost]]
server-name = {{printf "%q" .}}
[[vhost.mount]]
path = "/"
script = {{printf "%q" $.App}}
group = "main"
{{- end}}
`

const apacheConfig = `# Apache, event MPM, with mod_wsgi in daemon mode
ServerRoot {{.Dir}}
DefaultRuntimeDir {{.Dir}}
PidFile {{.Dir}}/apache2.pid
ServerName localhost
Listen 127.0.0.1:{{.Port}}
ListenBackLog {{.Backlog}}
ErrorLog {{.Dir}}/apache.log
LogLevel warn
{{- if .Account.Root}}
User {{.Account.Name}}
Group {{.Account.Group}}
{{- end}}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule reqtimeout_module /usr/lib/apache2/modules/mod_reqtimeout.so
LoadModule wsgi_module /usr/lib/apache2/modules/mod_wsgi.so
{{- with .TLS}}
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
Listen 127.0.0.1:{{.Port}}
SSLProtocol TLSv1.2 TLSv1.3
SSLSessionCache shmcb:{{$.Dir}}/tls(512000)
{{- end}}
RequestReadTimeout header=20-40,minrate=500
RequestReadTimeout body=10,minrate=500
ServerTokens Prod
KeepAlive On
KeepAliveTimeout 75
# The default closes a connection after 100 requests: no part of the comparison.
MaxKeepAliveRequests 0
LimitRequestBody 0
# 512 requests at a time instead of 150, in processes that are all there from the
# start. With fewer threads than connections in a process, Apache closes kept
# connections under load: errors in the row with 256.
StartServers 2
ServerLimit 2
ThreadLimit 256
ThreadsPerChild 256
MaxRequestWorkers 512
MinSpareThreads 256
MaxSpareThreads 512
MaxConnectionsPerChild 0
WSGISocketPrefix {{.Dir}}/wsgi
WSGIRestrictEmbedded On
WSGIDaemonProcess site home={{.Dir}} processes={{.Processes}} threads={{.Threads}} listen-backlog={{.Backlog}} display-name=%{GROUP} {{.Daemon}}
{{- if .Lazy}}
WSGIProcessGroup site
WSGIApplicationGroup %{GLOBAL}
WSGIScriptAlias / {{.App}}
{{- else}}
# Both groups given here: mod_wsgi then loads the application at start.
WSGIScriptAlias / {{.App}} process-group=site application-group=%{GLOBAL}
{{- end}}
<Directory />
    AllowOverride None
    Require all granted
</Directory>
{{- with .TLS}}
<VirtualHost 127.0.0.1:{{.Port}}>
    SSLEngine on
    SSLCertificateFile {{.Certificate}}
    SSLCertificateKeyFile {{.Key}}
</VirtualHost>
{{- end}}
{{.More}}
`
